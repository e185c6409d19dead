import { maxOf, minOf } from '../statistics/extremes.ts';

/** A tested number of kept experts per layer, and whether it is safe. */
export interface TestedCount {
  readonly kept: number;
  readonly safe: boolean;
}

/** The largest unsafe count, at first `minimum` - 1, and the smallest safe one above it, at first `experts`. */
const bracketOf = (
  tested: readonly TestedCount[],
  experts: number,
  minimum: number,
): readonly [unsafe: number, safe: number] => {
  const unsafe = maxOf([minimum - 1, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept)]);
  const safe = minOf([experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept)]);
  return [unsafe, safe];
};

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
  const [unsafe, safe] = bracketOf(tested, experts, minimum);
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
  const [, found] = bracketOf(tested, experts, 1);
  const known = new Set(tested.map(({ kept }) => kept));
  for (let count = experts - 1; count > found; count -= 1) if (!known.has(count)) return count;
  return null;
};

/** A partly measured curve of a sweep: its remaining counts of kept experts, and the tested ones. */
export interface OpenCurve {
  readonly missing: readonly number[];
  readonly tested: readonly TestedCount[];
}

/** Breadth first: the middle, then the middles of both halves, and so on. */
const middlesFirst = (sorted: readonly number[]): readonly number[] => {
  const ordered: number[] = [];
  let parts: (readonly number[])[] = [sorted];
  while (parts.length > 0) {
    const next: (readonly number[])[] = [];
    for (const part of parts) {
      const middle = Math.floor(part.length / 2);
      const count = part[middle];
      if (count === undefined) continue;
      ordered.push(count);
      next.push(part.slice(0, middle), part.slice(middle + 1));
    }
    parts = next;
  }
  return ordered;
};

/**
 * The remaining counts of one curve, the most informative about its threshold first: inside the bracket between the
 * smallest safe count above every unsafe one and the largest unsafe one the middles first, then outwards from it.
 * `experts`: E, which is safe.
 */
export const bracketFirst = ({ missing, tested }: OpenCurve, experts: number): readonly number[] => {
  const [unsafe, safe] = bracketOf(tested, experts, 1);
  const inside = missing.filter((kept) => kept > unsafe && kept < safe).sort((left, right) => right - left);
  const distance = (kept: number): number => (kept >= safe ? Math.log(kept / safe) : Math.log(unsafe / kept));
  const outside = missing
    .filter((kept) => kept <= unsafe || kept >= safe)
    .sort((left, right) => distance(left) - distance(right) || right - left);
  return [...middlesFirst(inside), ...outside];
};

/** Order of measurement over all curves together, as [curve, count]: the first of every curve, then the second. */
export const waveOrder = (
  curves: readonly OpenCurve[],
  experts: number,
): readonly (readonly [curve: number, kept: number])[] => {
  const orders = curves.map((curve) => bracketFirst(curve, experts));
  const longest = maxOf([0, ...orders.map((order) => order.length)]);
  return Array.from({ length: longest }, (_, rank) =>
    orders.flatMap((order, curve) => {
      const kept = order[rank];
      return kept === undefined ? [] : [[curve, kept] as const];
    }),
  ).flat();
};
