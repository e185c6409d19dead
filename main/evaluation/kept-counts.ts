import { maxOf, minOf } from '../statistics/extremes.ts';

/** A number of kept experts per layer that was tested, and whether it is safe. */
export interface TestedCount {
  readonly kept: number;
  readonly safe: boolean;
}

/**
 * Next number of kept experts to test so that the threshold becomes exact, or null once it is: the bisection of the
 * bracket between the smallest safe count (with every larger tested count safe; `experts`, the unpruned model, to begin
 * with) and the largest unsafe one (`minimum` - 1, which cannot run, to begin with). From a bracket of width w it ends
 * after at most ceil(log2 w) tests if safety is monotone in the count.
 *
 * `experts` is E and `minimum` the fewest experts that may stay, max(1, top-k). Where a threshold cannot be told for
 * want of items, no count is safe and there is nothing to look for: do not call it.
 *
 * A bisection reads the counts in another order than the fixed sequence of the threshold rule: each truly unsafe count
 * that it visits has its chance of 5 % to pass. What it finds is therefore confirmed (`nextToConfirm`).
 */
export const nextKeptCount = (tested: readonly TestedCount[], experts: number, minimum: number): number | null => {
  const unsafe = maxOf([minimum - 1, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept)]);
  const safe = minOf([experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept)]);
  const gap = safe - unsafe;
  return gap <= 1 ? null : unsafe + Math.floor(gap / 2);
};

/**
 * Next number of kept experts that must be tested to confirm what a bisection found, or null once nothing more is read:
 * every count from `experts` - 1 down to the smallest that was found safe, in that order, until the first unsafe one.
 *
 * Only so is the threshold told at 5 %. The order is fixed before anything is measured and leaves no count out, so that
 * the largest truly unsafe count is tested before any smaller one can be named: a wrong threshold needs that one test
 * to pass, however the outcomes depend on each other. To read again only the counts that the bisection chose would not
 * do: which unsafe counts they are depends on the same outcomes.
 */
export const nextToConfirm = (tested: readonly TestedCount[], experts: number): number | null => {
  const unsafe = maxOf([0, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept)]);
  const found = minOf([experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept)]);
  const known = new Set(tested.map(({ kept }) => kept));
  for (let count = experts - 1; count > found; count -= 1) if (!known.has(count)) return count;
  return null;
};
