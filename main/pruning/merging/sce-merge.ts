import type { MergeInput } from './weighted-average.ts';
import { agreesWithSum, largestElements, taskVectors } from './task-vectors.ts';

/** Below this sum the members' differences from the reference count as 0. */
const NEGLIGIBLE = 1e-6;

/**
 * SCE around the reference: of the members' differences from it, the entries whose variance over the members is among
 * the `density` largest are kept; each member is weighted by its mean squared difference; in each entry, members
 * against the sign of the sum are dropped. Shares are not used. Source: Wan et al. 2024, arXiv 2408.07990 (select,
 * calculate, erase).
 */
export const sceMerge = (input: MergeInput, density: number): Float64Array => {
  const { vectors } = taskVectors(input);
  const kept = density < 1 ? varyingElements(vectors, density) : null;
  const selected = vectors.map((vector) => vector.map((value, k) => (kept === null || kept[k] === 1 ? value : 0)));
  const squares = selected.map((vector) => vector.reduce((sum, value) => sum + value * value, 0) / vector.length);
  const total = squares.reduce((sum, square) => sum + square, 0);
  const weights = squares.map((square) => (total < NEGLIGIBLE ? 1 / squares.length : square / total));
  return Float64Array.from(input.base, (value, k) => {
    let sum = 0;
    let weight = 0;
    agreesWithSum(selected, k).forEach((agrees, member) => {
      if (!agrees) return;
      sum += weights[member]! * selected[member]![k]!;
      weight += weights[member]!;
    });
    return value + sum / Math.max(weight, NEGLIGIBLE);
  });
};

/** The fraction `density` of the varying entries with the largest variance. With one vector none varies. */
const varyingElements = (vectors: readonly Float64Array[], density: number): Uint8Array => {
  const variances = Float64Array.from(vectors[0] ?? [], (_, k) => {
    const mean = vectors.reduce((sum, vector) => sum + vector[k]! / vectors.length, 0);
    return vectors.reduce((sum, vector) => sum + (vector[k]! - mean) ** 2 / vectors.length, 0);
  });
  return largestElements(variances, Math.floor(variances.filter((value) => value > 0).length * density));
};
