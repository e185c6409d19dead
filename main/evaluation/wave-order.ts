import { maxOf, minOf } from '../statistics/extremes.ts';
import type { TestedCount } from './kept-counts.ts';

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
  const unsafe = maxOf([0, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept)]);
  const safe = minOf([experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept)]);
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
