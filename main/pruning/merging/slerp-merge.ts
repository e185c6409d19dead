import { refuse } from '../../contract/errors.ts';
import type { MergeInput } from './weighted-average.ts';
import { taskVectors } from './task-vectors.ts';

/** Directions whose weighted mean is shorter than this cancel out. */
const NEGLIGIBLE = 1e-8;

/**
 * Barycentric interpolation on the sphere: the members' directions are averaged in the tangent space at their mean
 * direction and scaled to the mean length. `fromReference` does the same with the differences from the reference, which
 * is then added; a single difference is unchanged. Source: multi-SLERP of mergekit, as used by the
 * CerebrasResearch/reap repository.
 *
 * @throws WorkbenchError `directions-cancel` where more than two directions cancel out.
 */
export const slerpMerge = (input: MergeInput, fromReference: boolean): Float64Array => {
  if (!fromReference)
    return interpolate(
      input.matrices.map((matrix) => Float64Array.from(matrix)),
      input.shares,
    );
  const { vectors, shares } = taskVectors(input);
  const difference = interpolate(vectors, shares);
  return Float64Array.from(input.base, (value, k) => value + difference[k]!);
};

const interpolate = (vectors: readonly Float64Array[], shares: readonly number[]): Float64Array => {
  const [only] = vectors;
  if (only === undefined) throw new RangeError('nothing to interpolate');
  if (vectors.length === 1) return only;
  const lengths = vectors.map(length);
  const units = vectors.map((vector, i) => vector.map((value) => (lengths[i]! > 0 ? value / lengths[i]! : 0)));
  const mean = combine(units, shares);
  const meanLength = length(mean);
  if (meanLength < NEGLIGIBLE) {
    if (vectors.length === 2) return combine(vectors, shares);
    throw refuse(
      'directions-cancel',
      'The directions of the experts of a group cancel out on average.',
      'Use the merge rule average.',
    );
  }
  const direction = mean.map((value) => value / meanLength);
  const tangents = units.map((unit) => {
    const along = dot(unit, direction);
    return unit.map((value, k) => value - along * direction[k]!);
  });
  const tangent = combine(tangents, shares);
  const angle = length(tangent);
  const scale = lengths.reduce((sum, value, i) => sum + value * shares[i]!, 0);
  const sine = angle > 0 ? Math.sin(angle) / angle : 1;
  return direction.map((value, k) => scale * (value * Math.cos(angle) + tangent[k]! * sine));
};

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
};

const length = (vector: Float64Array): number => Math.sqrt(dot(vector, vector));

const combine = (vectors: readonly Float64Array[], shares: readonly number[]): Float64Array => {
  const sum = new Float64Array(vectors[0]!.length);
  vectors.forEach((vector, i) => {
    for (let k = 0; k < sum.length; k++) sum[k]! += shares[i]! * vector[k]!;
  });
  return sum;
};
