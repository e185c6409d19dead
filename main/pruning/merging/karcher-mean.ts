import type { MergeInput } from './weighted-average.ts';

const MAX_STEPS = 10;
/** Lengths and angles below this count as 0. */
const NEGLIGIBLE = 1e-5;

/**
 * Weighted Karcher mean of the members' directions on the unit sphere, times the weighted mean of their lengths. At
 * most ten steps. Source: Karcher 1977; steps and tolerance as in mergekit. The REAP repository scales the result by
 * weights that do not sum to 1, and leaves the dominant expert out where it is named as the base.
 */
export const karcherMean = ({ matrices, shares }: Pick<MergeInput, 'matrices' | 'shares'>): Float64Array => {
  const lengths = matrices.map(length);
  const scale = lengths.reduce((sum, value, i) => sum + value * shares[i]!, 0);
  const usable = matrices.flatMap((matrix, i) =>
    lengths[i]! > NEGLIGIBLE
      ? [{ unit: Float64Array.from(matrix, (value) => value / lengths[i]!), share: shares[i]! }]
      : [],
  );
  const total = usable.reduce((sum, { share }) => sum + share, 0);
  const size = matrices[0]?.length ?? 0;
  if (usable.length === 0 || total === 0) return new Float64Array(size);

  let mean = new Float64Array(size);
  for (const { unit, share } of usable) addScaled(mean, unit, share / total);
  const start = length(mean);
  mean = start < NEGLIGIBLE ? usable[0]!.unit.slice() : mean.map((value) => value / start);
  for (let step = 0; step < MAX_STEPS; step++) {
    const tangent = new Float64Array(size);
    for (const { unit, share } of usable) {
      const cosine = Math.min(1, Math.max(-1, dot(mean, unit)));
      const angle = Math.acos(cosine);
      if (angle < NEGLIGIBLE) continue;
      const weight = (share / total) * (angle / Math.sin(angle));
      addScaled(tangent, unit, weight);
      addScaled(tangent, mean, -weight * cosine);
    }
    const turn = length(tangent);
    if (turn < NEGLIGIBLE) break;
    const [cosine, sine] = [Math.cos(turn), Math.sin(turn) / turn];
    mean = mean.map((value, k) => cosine * value + sine * tangent[k]!);
    const now = length(mean);
    mean = mean.map((value) => value / now);
  }
  return mean.map((value) => value * scale);
};

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
};

const length = (vector: ArrayLike<number>): number => Math.sqrt(dot(vector, vector));

const addScaled = (to: Float64Array, vector: Float64Array, factor: number): void => {
  for (let k = 0; k < to.length; k++) to[k]! += factor * vector[k]!;
};
