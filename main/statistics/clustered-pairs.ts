import { normalUpperTail } from './normal-distribution.ts';
import { type Interval, type PairedCounts, tangoLowerLimitOfEffective, Z_TWO_SIDED_95 } from './tango-interval.ts';

/** What groups (passages) do to a paired difference of shares. */
export interface ClusteredPairs {
  readonly count: number;
  /**
   * Variance of the difference between groups over that of as many independent items, at least 1 (Rao and Scott 1992,
   * doi:10.2307/2532311). Where no item is discordant there is no variance to compare: then the mean size of a group,
   * as if all items of a group went the same way.
   */
  readonly designEffect: number;
  /**
   * Two-sided p of no difference, by the sums of the groups: (sum of D)^2 / sum of D^2, chi-squared with 1 degree
   * (Durkalski et al. 2003, doi:10.1002/sim.1438); 1 where nothing differs.
   */
  readonly p: number;
}

/** `moves`: 1 for an item gained, -1 for one lost, 0 otherwise; `groups`: the name of each item's group. */
export const clusteredPairs = (moves: readonly number[], groups: readonly string[]): ClusteredPairs => {
  const n = moves.length;
  const mean = moves.reduce((sum, move) => sum + move, 0) / n;
  const sums = new Map<string, { readonly moved: number; readonly items: number }>();
  moves.forEach((move, index) => {
    const name = groups[index] ?? '';
    const { moved, items } = sums.get(name) ?? { moved: 0, items: 0 };
    sums.set(name, { moved: moved + move, items: items + 1 });
  });
  const own = [...sums.values()];
  const count = own.length;
  const independent = moves.reduce((sum, move) => sum + (move - mean) ** 2, 0);
  const between =
    (count / Math.max(1, count - 1)) * own.reduce((sum, { moved, items }) => sum + (moved - items * mean) ** 2, 0);
  const squares = own.reduce((sum, { moved }) => sum + moved * moved, 0);
  return {
    count,
    designEffect: independent === 0 ? n / count : Math.max(1, between / independent),
    p: squares === 0 ? 1 : Math.min(1, 2 * normalUpperTail(Math.abs(mean * n) / Math.sqrt(squares))),
  };
};

/** Tango's interval of counts divided by a design effect. */
export const clusteredInterval = (
  { gained, lost, n }: PairedCounts,
  designEffect: number,
  z: number = Z_TWO_SIDED_95,
): Interval => {
  const [up, down, size] = [gained / designEffect, lost / designEffect, n / designEffect];
  return {
    low: tangoLowerLimitOfEffective({ gained: up, lost: down, n: size }, z),
    high: -tangoLowerLimitOfEffective({ gained: down, lost: up, n: size }, z),
  };
};
