import { z } from 'zod';
import { combineExperts } from '../../../main/pruning/merging/expert-weights.ts';
import { runMoeLayer } from './run-moe-layer.ts';
import { expectClose, float32, tensor, tolerance, type Tensor } from './vector-file.ts';

const matrices = z.object({ w1: tensor, w2: tensor, w3: tensor });
const result = z.object({ layer0_output: tensor, layer0_merged_experts: z.array(matrices) });
const pair = z.object({ discrete: tensor, real: tensor });
const file = z.object({
  params: z.object({
    E: z.number(),
    H: z.number(),
    F: z.number(),
    budget: z.number(),
    top_k: z.number(),
    kept: z.array(z.number()),
  }),
  inputs: z.object({
    layers: z.array(z.object({ gate_weight: tensor, experts: z.array(matrices) })),
    hidden_states: tensor,
    W_EM: pair,
    W_RM: pair,
  }),
  expected: z.object({ 'prune (discrete one-hot)': result, 'prune+merge (real valued)': result }),
  tolerance,
});

const rowsOf = ({ shape, data }: Tensor): number[][] => {
  const [rows = 0, columns = 0] = shape;
  return Array.from({ length: rows }, (_, row) => data.slice(row * columns, (row + 1) * columns));
};

/** Matrices and experts -> blended experts and the layer's output; one-hot matrices are a mask. */
export const eepVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const shape = { hidden: params.H, width: params.F };
  const { gate_weight, experts } = inputs.layers[0]!;
  const weights = experts.map(({ w1, w2, w3 }) => ({ gate: float32(w1), up: float32(w3), down: float32(w2) }));
  const layer = {
    router: float32(gate_weight),
    shape,
    topK: params.top_k,
    normalise: true,
    tokens: float32(inputs.hidden_states),
  };
  for (const [kind, theirs] of [
    ['discrete', expected['prune (discrete one-hot)']],
    ['real', expected['prune+merge (real valued)']],
  ] as const) {
    const merged = rowsOf(inputs.W_EM[kind]).map((row) => combineExperts(weights, row));
    merged.forEach((ours, kept) => {
      const { w1, w2, w3 } = theirs.layer0_merged_experts[kept]!;
      expectClose(ours.gate, w1.data, within, `${kind}, expert ${kept}, w1`);
      expectClose(ours.up, w3.data, within, `${kind}, expert ${kept}, w3`);
      expectClose(ours.down, w2.data, within, `${kind}, expert ${kept}, w2`);
    });
    const { output } = await runMoeLayer({
      ...layer,
      experts: merged,
      map: { kind: 'blend', rows: rowsOf(inputs.W_RM[kind]) },
    });
    expectClose(output, theirs.layer0_output.data, within, `${kind}, output`);
  }
  const masked = await runMoeLayer({ ...layer, experts: weights, kept: params.kept });
  expectClose(masked.output, expected['prune (discrete one-hot)'].layer0_output.data, within, 'masked');
};
