import { alignmentCost } from './alignment-cost.ts';
import type { ExpertShape, ExpertWeights } from './expert-weights.ts';
import { solveAssignment } from './hungarian.ts';

/**
 * Permutation of the member's neurons that brings it nearest to the reference: new neuron j is old neuron
 * `permutation[j]`. Time O(I^2 H + I^3), memory O(I^2).
 */
export const alignExpert = (member: ExpertWeights, reference: ExpertWeights, shape: ExpertShape): Int32Array => {
  const { columns } = solveAssignment(alignmentCost(member, reference, shape), shape.width, shape.width);
  const permutation = new Int32Array(shape.width);
  columns.forEach((target, neuron) => {
    permutation[target] = neuron;
  });
  return permutation;
};

/** The same function with its neurons in another order: rows of gate and up, columns of down. */
export const permuteExpert = (
  expert: ExpertWeights,
  { hidden, width }: ExpertShape,
  permutation: Int32Array,
): ExpertWeights => {
  const gate = new Float32Array(expert.gate.length);
  const up = new Float32Array(expert.up.length);
  const down = new Float32Array(expert.down.length);
  permutation.forEach((from, to) => {
    gate.set(expert.gate.subarray(from * hidden, (from + 1) * hidden), to * hidden);
    up.set(expert.up.subarray(from * hidden, (from + 1) * hidden), to * hidden);
    for (let h = 0; h < hidden; h++) down[h * width + to] = expert.down[h * width + from]!;
  });
  return { gate, up, down };
};
