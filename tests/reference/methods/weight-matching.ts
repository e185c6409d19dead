import { expect } from 'vitest';
import { z } from 'zod';
import { alignExpert, permuteExpert, alignmentCost } from '../../../main/pruning/merging/align-experts.ts';
import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { castChangesAlignment } from './half-precision-cost.ts';
import { expectClose, expert, float32, float32Rounding, tensor, type Tensor } from './vector-file.ts';

const params = z.object({ dominant: z.number(), members: z.array(z.number()) });
const permutations = z.record(z.string(), z.array(z.number()));

const file = z.object({
  params,
  inputs: z.object({ experts: z.array(expert) }),
  expected: z.object({
    cost_matrices_float32: z.record(z.string(), tensor),
    permutations,
    permuted_experts: z.array(expert),
  }),
});

/** Experts -> cost matrices -> permutations -> permuted experts. */
export const weightMatchingVectors = (json: unknown): void => {
  const { params: given, inputs, expected } = file.parse(json);
  const reference = inputs.experts[given.dominant]!;
  for (const member of given.members.filter((other) => other !== given.dominant)) {
    const { weights, shape } = inputs.experts[member]!;
    const theirs = expected.cost_matrices_float32[String(member)]!;
    const ours = alignmentCost(weights, reference.weights, shape);
    expectClose(ours, theirs.data, float32Rounding(theirs.data), `cost of expert ${member}`);
    if (castChangesAlignment(weights, reference.weights, shape)) continue;
    const permutation = alignExpert(weights, reference.weights, shape);
    expect([...permutation], `permutation of expert ${member}`).toEqual(expected.permutations[String(member)]);
    expect(permuteExpert(weights, shape, permutation)).toEqual(expected.permuted_experts[member]!.weights);
  }
};

const fusedFile = z.object({
  params,
  inputs: z.object({ gate_up_proj: tensor, down_proj: tensor }),
  expected: z.object({ permutations, gate_up_proj: tensor, down_proj: tensor }),
});

/** The same for gate_up_proj [E, H, 2I] = [gate | up] and down_proj [E, I, H], both transposed to rows per neuron. */
export const fusedWeightMatchingVectors = (json: unknown): void => {
  const { params: given, inputs, expected } = fusedFile.parse(json);
  const [, width = 0, hidden = 0] = inputs.down_proj.shape;
  const shape = { hidden, width };
  const reference = unfuse(inputs.gate_up_proj, inputs.down_proj, given.dominant, shape);
  for (const member of given.members.filter((other) => other !== given.dominant)) {
    const weights = unfuse(inputs.gate_up_proj, inputs.down_proj, member, shape);
    if (castChangesAlignment(weights, reference, shape)) continue;
    const permutation = alignExpert(weights, reference, shape);
    expect([...permutation], `permutation of expert ${member}`).toEqual(expected.permutations[String(member)]);
    const theirs = unfuse(expected.gate_up_proj, expected.down_proj, member, shape);
    expect(permuteExpert(weights, shape, permutation)).toEqual(theirs);
  }
};

const unfuse = (gateUp: Tensor, down: Tensor, index: number, { hidden, width }: ExpertShape): ExpertWeights => {
  const gateUpRows = float32(gateUp).subarray(index * hidden * 2 * width, (index + 1) * hidden * 2 * width);
  const downRows = float32(down).subarray(index * width * hidden, (index + 1) * width * hidden);
  const rows = (first: number) =>
    Float32Array.from({ length: width * hidden }, (_, at) => {
      const [neuron, feature] = [Math.floor(at / hidden), at % hidden];
      return gateUpRows[feature * 2 * width + first + neuron]!;
    });
  return {
    gate: rows(0),
    up: rows(width),
    down: Float32Array.from(
      { length: hidden * width },
      (_, at) => downRows[(at % width) * hidden + Math.floor(at / width)]!,
    ),
  };
};
