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

/** The same function with permuted neurons: rows of gate and up, columns of down. */
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

/** Added to a unit's standard deviation: a constant unit is correlated with none. */
const BACKGROUND = 1e-7;

/**
 * Permutation of the member's neurons whose activations are most correlated with the reference's over the same tokens:
 * new neuron j is old neuron `permutation[j]`. Activations are [T, I]; the sum of Pearson correlations is greatest.
 * Source: MC-SMoE, arXiv 2310.01334 (activation matching); Li et al. 2015, arXiv 1511.07543.
 */
export const alignByActivations = (
  member: ArrayLike<number>,
  reference: ArrayLike<number>,
  width: number,
): Int32Array => {
  const [a, b] = [standardised(member, width), standardised(reference, width)];
  const tokens = member.length / width;
  const correlations = new Float64Array(width * width);
  for (let token = 0; token < tokens; token++) {
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) correlations[i * width + j]! += a[token * width + i]! * b[token * width + j]!;
    }
  }
  const permutation = new Int32Array(width);
  solveAssignment(correlations, width, width, 'max').columns.forEach((target, neuron) => {
    permutation[target] = neuron;
  });
  return permutation;
};

const standardised = (values: ArrayLike<number>, width: number): Float64Array => {
  const tokens = values.length / width;
  const result = Float64Array.from(values);
  for (let unit = 0; unit < width; unit++) {
    let mean = 0;
    for (let token = 0; token < tokens; token++) mean += values[token * width + unit]! / tokens;
    let squares = 0;
    for (let token = 0; token < tokens; token++) squares += (values[token * width + unit]! - mean) ** 2;
    const deviation = Math.sqrt(squares / Math.max(1, tokens - 1)) + BACKGROUND;
    for (let token = 0; token < tokens; token++)
      result[token * width + unit] = (values[token * width + unit]! - mean) / deviation;
  }
  return result;
};
