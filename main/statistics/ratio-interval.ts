import { at } from '../contract/errors.ts';
import { studentT } from './distributions.ts';

const ALPHA = 0.05;

/** Sums over a unit that is drawn as a whole: of the values of its members, and their number. */
export interface UnitSum {
  readonly sum: number;
  readonly count: number;
}

/** Sums of units by group, where every unit has one; else the units themselves. */
export const groupedSums = (units: readonly UnitSum[], groups: readonly string[]): readonly UnitSum[] => {
  if (groups.length < units.length) return units;
  const sums = new Map<string, { sum: number; count: number }>();
  units.forEach((unit, index) => {
    const group = at(groups, index);
    const known = sums.get(group);
    if (known === undefined) sums.set(group, { ...unit });
    else {
      known.sum += unit.sum;
      known.count += unit.count;
    }
  });
  return [...sums.values()];
};

const reaches = new Map<number, number>();

/** Quantile of Student's t, remembered: all points of a task have the same. */
const reachOf = (degrees: number): number => {
  const known = reaches.get(degrees) ?? studentT(ALPHA, degrees);
  reaches.set(degrees, known);
  return known;
};

/**
 * Sum of the sums over the sum of the counts, with its 95 % interval by Student's t of the units: the error is that of
 * a ratio (linearised; Cochran 1977, Sampling Techniques, section 6.4), and the usual one where all counts are 1.
 * Undefined for fewer than two units.
 */
export const ratioInterval = (
  units: readonly UnitSum[],
): { readonly mean: number; readonly low: number; readonly high: number } | undefined => {
  if (units.length < 2) return undefined;
  const n = units.reduce((all, { count }) => all + count, 0);
  const mean = units.reduce((all, { sum }) => all + sum, 0) / n;
  const squares = units.reduce((all, { sum, count }) => all + (sum - count * mean) ** 2, 0);
  const error = Math.sqrt((squares * units.length) / (units.length - 1)) / n;
  const reach = reachOf(units.length - 1) * error;
  return { mean, low: mean - reach, high: mean + reach };
};
