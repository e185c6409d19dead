import { z } from 'zod';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics, type RoutingTaps } from '../../../main/profile/routing-statistics.ts';
import { expectReapStatistics, reapStatistics } from './reap-statistics.ts';
import { runMoeLayer } from './run-moe-layer.ts';
import { expectClose, expert, float32, tensor, tolerance } from './vector-file.ts';

const file = z.object({
  params: z.object({
    layers: z.number(),
    num_experts: z.number(),
    top_k: z.number(),
    hidden: z.number(),
    norm_topk_prob_in_forward: z.boolean(),
    renormalize: z.boolean(),
    n_experts_to_prune: z.number(),
  }),
  inputs: z.object({
    layers: z.array(z.object({ gate_weight: tensor, experts: z.array(expert) })),
    batches: z.array(
      z.object({ hidden_states: tensor, attention_mask: z.array(z.array(z.number())), model_output: tensor }),
    ),
  }),
  expected: z.object({ layers: z.record(z.string(), reapStatistics) }),
  tolerance,
});

/** Weights and hidden states -> x + MoE(x) layer by layer through the workbench's graph -> statistics -> kept experts. */
export const reapObserverVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const statistics = emptyRoutingStatistics(params.layers, params.num_experts, params.top_k);
  for (const { hidden_states, attention_mask, model_output } of inputs.batches) {
    const valid = attention_mask.flat().map((flag) => flag !== 0);
    statistics.tokens += valid.filter(Boolean).length;
    let tokens = float32(hidden_states);
    for (const [layer, { gate_weight, experts }] of inputs.layers.entries()) {
      const request = {
        router: float32(gate_weight),
        experts: experts.map(({ weights }) => weights),
        shape: experts[0]!.shape,
        topK: params.top_k,
        tokens,
      };
      // The statistics' gate need not be the forward's: the repository renormalises them by flags of their own.
      const taps = await runMoeLayer({ ...request, normalise: params.renormalize });
      const forward = await runMoeLayer({ ...request, normalise: params.norm_topk_prob_in_forward });
      accumulateRouting(statistics, layer, withoutPadding(taps, valid, params.num_experts, params.top_k));
      tokens = tokens.map((value, at) => value + forward.output[at]!);
    }
    expectClose(tokens, model_output.data, within, 'model_output');
  }
  for (let layer = 0; layer < params.layers; layer++) {
    const ofLayer = expected.layers[String(layer)];
    if (ofLayer === undefined) throw new Error(`the file expects nothing of layer ${layer}`);
    expectReapStatistics(statistics, layer, ofLayer, params.n_experts_to_prune, within);
  }
};

const withoutPadding = (taps: RoutingTaps, valid: readonly boolean[], experts: number, topK: number): RoutingTaps => {
  const real = valid.flatMap((isReal, token) => (isReal ? [token] : []));
  const rows = (values: ArrayLike<number>, width: number): number[] =>
    real.flatMap((token) => Array.from({ length: width }, (_, at) => values[token * width + at]!));
  return {
    logits: Float32Array.from(rows(taps.logits, experts)),
    experts: Int32Array.from(rows(taps.experts, topK)),
    weights: Float32Array.from(rows(taps.weights, topK)),
    norms: Float32Array.from(rows(taps.norms, topK)),
  };
};
