import type { ExpertShape, ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

/** Experts with uniform weights in -1 .. 1, from a seed. */
export const randomExperts = ({ hidden, width }: ExpertShape, count: number, seed: number): ExpertWeights[] => {
  const random = seededRandom(seed);
  const matrix = () => Float32Array.from({ length: hidden * width }, () => 2 * random.float() - 1);
  return Array.from({ length: count }, () => ({ gate: matrix(), up: matrix(), down: matrix() }));
};

/** down(silu(gate x) * up x) in float64, by its definition. */
export const expertOutput = (
  { gate, up, down }: ExpertWeights,
  { hidden, width }: ExpertShape,
  x: readonly number[],
): number[] => {
  const product = (matrix: Float32Array, row: number) =>
    x.reduce((sum, value, h) => sum + matrix[row * hidden + h]! * value, 0);
  const inner = Array.from({ length: width }, (_, i) => {
    const z = product(gate, i);
    return (z / (1 + Math.exp(-z))) * product(up, i);
  });
  return Array.from({ length: hidden }, (_, h) =>
    inner.reduce((sum, value, i) => sum + down[h * width + i]! * value, 0),
  );
};
