import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import { accumulateOutputs } from '../../../main/profile/accumulate-outputs.ts';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import {
  emptyRoutingStatistics,
  type RoutingStatistics,
  type RoutingTaps,
} from '../../../main/profile/routing-statistics.ts';
import { layerRow, layerSquare } from '../../../main/pruning/weighed-profiles.ts';
import { expectReapStatistics, reapStatistics } from './reap-statistics.ts';
import { runExperts } from './run-experts.ts';
import { runMoeLayer } from './run-moe-layer.ts';
import { expectClose, expert, float32, tensor, tolerance, type Tensor, type Tolerance } from './vector-file.ts';

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
  expected: z.object({
    layers: z.record(
      z.string(),
      reapStatistics.extend({
        routed_characteristic_activation: tensor,
        characteristic_activation: tensor,
        online_characteristic_activation_dist: tensor,
      }),
    ),
  }),
  tolerance,
});

/** Weights and hidden states -> x + MoE(x) layer by layer with the workbench's graph -> statistics -> kept experts. */
export const reapObserverVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const { layers, num_experts: experts, hidden } = params;
  const statistics: RoutingStatistics = {
    ...emptyRoutingStatistics(layers, experts, params.top_k),
    outputs: {
      hidden,
      routedSum: new Float64Array(layers * experts * hidden),
      everywhere: {
        sum: new Float64Array(layers * experts * hidden),
        cosineSum: new Float64Array(layers * experts * experts),
      },
    },
  };
  for (const { hidden_states, attention_mask, model_output } of inputs.batches) {
    const valid = attention_mask.flat().map((flag) => flag !== 0);
    statistics.tokens += valid.filter(Boolean).length;
    let tokens = float32(hidden_states);
    for (const [layer, { gate_weight, experts: weights }] of inputs.layers.entries()) {
      const request = {
        router: float32(gate_weight),
        experts: weights.map((expert) => expert.weights),
        shape: weights[0]!.shape,
        topK: params.top_k,
        tokens,
      };
      // The gate in the statistics need not be the forward pass's: the repository has a separate flag for renormalising
      // it.
      const taps = await runMoeLayer({ ...request, normalise: params.renormalize });
      const forward = await runMoeLayer({ ...request, normalise: params.norm_topk_prob_in_forward });
      const real = withoutPadding(taps, valid, experts, params.top_k);
      accumulateRouting(statistics, layer, real);
      const seen = tokens.filter((_, at) => valid[Math.floor(at / hidden)] === true);
      atOnce(accumulateOutputs(statistics, layer, { outputs: await runExperts(request, seen), experts: real.experts }));
      tokens = tokens.map((value, at) => value + forward.output[at]!);
    }
    expectClose(tokens, model_output.data, within, 'model_output');
  }
  for (let layer = 0; layer < params.layers; layer++) {
    const ofLayer = expected.layers[String(layer)];
    if (ofLayer === undefined) throw new Error(`the file expects nothing of layer ${layer}`);
    expectReapStatistics(statistics, layer, ofLayer, params.n_experts_to_prune, within);
    expectOutputStatistics(statistics, layer, ofLayer, within);
  }
};

interface ExpectedOutputs {
  readonly routed_characteristic_activation: Tensor;
  readonly characteristic_activation: Tensor;
  readonly online_characteristic_activation_dist: Tensor;
}

/** Mean outputs over routed and over all tokens, and the mean cosine distance of outputs. */
const expectOutputStatistics = (
  { experts, tokens, counts, outputs }: RoutingStatistics,
  layer: number,
  expected: ExpectedOutputs,
  within: Tolerance,
): void => {
  if (outputs?.everywhere === undefined) throw new Error('no outputs were looked at');
  const { hidden, routedSum, everywhere } = outputs;
  const own = layerRow(counts, layer, experts);
  const routed = layerRow(routedSum, layer, experts * hidden).map(
    (sum, at) => sum / Math.max(1, own[Math.floor(at / hidden)]!),
  );
  expectClose(routed, expected.routed_characteristic_activation.data, within, 'routed_characteristic_activation');
  const means = layerRow(everywhere.sum, layer, experts * hidden).map((sum) => sum / tokens);
  expectClose(means, expected.characteristic_activation.data, within, 'characteristic_activation');
  // The repository writes 0 on the diagonal.
  const distances = layerSquare(everywhere.cosineSum, layer, experts).map((sum, at) =>
    at % (experts + 1) === 0 ? 0 : 1 - sum / tokens,
  );
  expectClose(
    distances,
    expected.online_characteristic_activation_dist.data,
    within,
    'online_characteristic_activation_dist',
  );
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
