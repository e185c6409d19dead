import { maxOf, minOf } from '../statistics/extremes.ts';

/** A tested number of kept experts per layer, and whether it is safe. */
export interface TestedCount {
  readonly kept: number;
  readonly safe: boolean;
}

/**
 * Next number of kept experts to test for an exact threshold, or null once it is exact: bisects the bracket between the
 * smallest safe count (with every larger tested count safe; initially `experts`, the unpruned model) and the largest
 * unsafe one (initially `minimum` - 1, which cannot run). From a bracket of width w it ends after at most ceil(log2 w)
 * tests if safety is monotone in the count.
 *
 * `experts` is E and `minimum` the fewest experts that may stay, max(1, top-k). Do not call it where there are too few
 * items for a threshold: no count is safe then.
 *
 * A bisection tests the counts in another order than the fixed sequence of the threshold rule: each truly unsafe count
 * that it visits passes with a chance of up to 5 %. Its result is therefore confirmed (`nextToConfirm`).
 */
export const nextKeptCount = (tested: readonly TestedCount[], experts: number, minimum: number): number | null => {
  const unsafe = maxOf([minimum - 1, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept)]);
  const safe = minOf([experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept)]);
  const gap = safe - unsafe;
  return gap <= 1 ? null : unsafe + Math.floor(gap / 2);
};

/**
 * Next number of kept experts that must be tested to confirm the result of a bisection, or null when done: every count
 * from `experts` - 1 down to the smallest that was found safe, in that order, until the first unsafe one.
 *
 * Only this gives the threshold an error rate of 5 %. The order is fixed before anything is measured and skips no
 * count, so that the largest truly unsafe count is tested before any smaller one can be named: a wrong threshold
 * requires that one test to pass, however the outcomes depend on each other. Retesting only the counts visited by the
 * bisection would not suffice: which unsafe counts they are depends on the same outcomes.
 */
export const nextToConfirm = (tested: readonly TestedCount[], experts: number): number | null => {
  const unsafe = maxOf([0, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept)]);
  const found = minOf([experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept)]);
  const known = new Set(tested.map(({ kept }) => kept));
  for (let count = experts - 1; count > found; count -= 1) if (!known.has(count)) return count;
  return null;
};
