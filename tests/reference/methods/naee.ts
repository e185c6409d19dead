import { expect } from 'vitest';
import { z } from 'zod';
import { bestSubset, eliminateExperts } from '../../../main/pruning/search/eliminate-experts.ts';
import { layerLoss, traceLayer, type LayerTrace, type RouteToken } from '../../../main/pruning/search/layer-trace.ts';
import { routeTokens } from '../../../main/pruning/search/route-tokens.ts';
import { runExperts } from './run-experts.ts';
import { runMoeLayer } from './run-moe-layer.ts';
import { expectClose, float32, tensor, tolerance, type Tensor } from './vector-file.ts';
import { softmaxRule } from '../../main/checkpoint/routing-rules.ts';

const matrices = z.object({ w1: tensor, w2: tensor, w3: tensor });
const layers = z.array(z.object({ gate_weight: tensor, experts: z.array(matrices) }));
const file = z.object({
  params: z.object({ E: z.number(), K: z.number(), H: z.number(), F: z.number(), r: z.number(), L: z.number() }),
  inputs: z.object({ layers, batches: z.array(tensor) }),
  expected: z.object({
    loss_history_per_layer: z.array(z.record(z.string(), z.number())),
    kept_per_layer: z.array(z.array(z.number())),
    pruned_model_output: z.array(tensor),
  }),
  tolerance,
});
interface LayerFile {
  readonly params: { readonly H: number; readonly F: number; readonly K: number };
  readonly inputs: { readonly layers: z.output<typeof layers> };
}

const layerOf = ({ params, inputs }: LayerFile, layer: number) => ({
  router: float32(inputs.layers[layer]!.gate_weight),
  experts: inputs.layers[layer]!.experts.map(({ w1, w2, w3 }) => ({
    gate: float32(w1),
    up: float32(w3),
    down: float32(w2),
  })),
  shape: { hidden: params.H, width: params.F },
  topK: params.K,
  normalise: true,
});

const plus = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, at) => value + b[at]!);

/** Weights and hidden states -> losses of all subsets -> kept experts -> outputs of the pruned stack x + MoE(x). */
const naee = async (json: unknown, progressive: boolean): Promise<void> => {
  const given = file.parse(json);
  const { params, inputs, expected, tolerance: within } = given;
  const { E, L, r, K } = params;
  const tokens = Float32Array.from(inputs.batches.flatMap((batch) => batch.data));
  const batchEnds = inputs.batches.reduce<number[]>(
    (ends, batch) => [...ends, (ends.at(-1) ?? 0) + batch.data.length / params.H],
    [],
  );
  let full: Float32Array = tokens;
  let pruned: Float32Array = tokens;
  for (let layer = 0; layer < L; layer++) {
    const moe = layerOf(given, layer);
    const unpruned = await runMoeLayer({ ...moe, tokens: full });
    const seen = progressive ? pruned : full;
    const { logits } = await runMoeLayer({ ...moe, tokens: seen });
    const trace: LayerTrace = traceLayer(await runExperts(moe, seen), unpruned.output, E, params.H);
    const route: RouteToken = routeTokens(softmaxRule(true), logits, E, K);
    const loss = (kept: readonly number[]): number => layerLoss(trace, route, kept, batchEnds);

    const { best, tried } = await bestSubset(
      Array.from({ length: E }, (_, expert) => expert),
      r,
      loss,
    );
    const theirs = expected.loss_history_per_layer[layer]!;
    expect([...tried.keys()], `subsets of layer ${layer}`).toEqual(Object.keys(theirs));
    expectClose([...tried.values()], Object.values(theirs), within, `losses of layer ${layer}`);
    expect(best.kept, `kept in layer ${layer}`).toEqual(expected.kept_per_layer[layer]);
    const { bySize } = await eliminateExperts(E, r, loss);
    if (bySize[0]?.exhaustive === true) expect(bySize[0].kept, `eliminated in layer ${layer}`).toEqual(best.kept);

    full = plus(full, unpruned.output);
    pruned = plus(pruned, (await runMoeLayer({ ...moe, tokens: pruned, kept: best.kept })).output);
  }
  expectClose(
    pruned,
    expected.pruned_model_output.flatMap((batch: Tensor) => [...batch.data]),
    within,
    'output of the pruned model',
  );
};

export const naeeLayerwiseVectors = (json: unknown): Promise<void> => naee(json, false);
export const naeeProgressiveVectors = (json: unknown): Promise<void> => naee(json, true);

const skippingFile = z.object({
  params: z.object({ E: z.number(), K: z.number(), H: z.number(), F: z.number() }),
  inputs: z.object({ layers, batches: z.array(tensor) }),
  expected: z.object({
    skipping: z.array(
      z.object({ beta: z.number(), layer0_output: tensor, tokens_with_second_expert_skipped: z.array(z.number()) }),
    ),
  }),
  tolerance,
});

/**
 * Weights and hidden states -> outputs where second experts are skipped: those of top-1 routing for the tokens that
 * skip theirs, those of top-2 routing for the rest. The workbench offers no skipping: which tokens skip is given.
 */
export const naeeSkippingVectors = async (json: unknown): Promise<void> => {
  const given = skippingFile.parse(json);
  const { params, inputs, expected, tolerance: within } = given;
  const request = { ...layerOf(given, 0), tokens: float32(inputs.batches[0]!) };
  const { output: byTwo } = await runMoeLayer(request);
  const { output: byOne } = await runMoeLayer({ ...request, topK: 1 });
  for (const { beta, layer0_output, tokens_with_second_expert_skipped: skipping } of expected.skipping) {
    const output = byTwo.map((value, at) => (skipping.includes(Math.floor(at / params.H)) ? byOne[at]! : value));
    expectClose(output, layer0_output.data, within, `output with beta ${beta}`);
  }
};
