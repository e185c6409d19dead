import { maxOf } from '../statistics/extremes.ts';

/** Inner product of two vectors of one length, summed in their order. */
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
};

/** Number of values of a tensor of this shape. */
export const valuesIn = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Euclidean length. */
export const lengthOf = (vector: ArrayLike<number>): number => Math.sqrt(dot(vector, vector));

/** Softmax in float64; -Infinity has probability 0. */
export const softmax = (scores: Float64Array): Float64Array => {
  const largest = maxOf(scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};
