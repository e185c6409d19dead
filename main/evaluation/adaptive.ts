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
 * A bisection reads the counts in another order than the fixed sequence of the threshold rule. All its tests are on the
 * same items, and a wrong threshold needs a truly unsafe count to pass one of them: its probability is bounded by the
 * number of unsafe counts visited times 5 %, not by 5 %.
 */
export const nextKeptCount = (tested: readonly TestedCount[], experts: number, minimum: number): number | null => {
  const unsafe = Math.max(minimum - 1, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept));
  const safe = Math.min(experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept));
  const gap = safe - unsafe;
  return gap <= 1 ? null : unsafe + Math.floor(gap / 2);
};
