import { seededRandom } from '../statistics/random.ts';
import type { ExtraStatistic, RoutingStatistics } from './routing-statistics.ts';

/**
 * Calibration items drawn again with replacement: how often each item counts in a draw. Everything in a profile that is
 * a sum over items follows from the sums of single items and these counts, so one pass over the items gives the
 * profiles of any number of draws (the bootstrap: Efron 1979, doi:10.1214/aos/1176344552).
 */

/** Statistics beyond routing that follow for every draw of items from those of single items: maxima. */
export const drawnExtras: readonly ExtraStatistic[] = ['peaks'];

/** An item, and the passage that it shares with others. */
interface Grouped {
  readonly id: string;
  readonly group?: string | undefined;
}

/**
 * How often each of the items is drawn, [items]. Whole groups are drawn (an item without one is its own) until at least
 * `size` items are. The draws of one number are nested: a smaller one is the beginning of a larger one.
 *
 * @param draw - seed of the draw, from 0
 */
export const drawnTimes = (items: readonly Grouped[], size: number, draw: number): number[] => {
  const keyOf = ({ group }: Grouped, index: number): string =>
    group === undefined ? `item ${index}` : `group ${group}`;
  const units = [...Map.groupBy(items.keys(), (index) => keyOf(items[index]!, index)).values()];
  const random = seededRandom(draw);
  const times = items.map(() => 0);
  for (let drawn = 0; drawn < size && units.length > 0;) {
    const members = units[random.integer(units.length)] ?? [];
    for (const index of members) times[index] = (times[index] ?? 0) + 1;
    drawn += members.length;
  }
  return times;
};

/** Statistics of routing that are sums over tokens: the complete profile without extras. */
const ROUTING_SUMS = [
  ...(['counts', 'gateMass', 'probabilitySelected', 'probabilityMass', 'eanSum', 'reapSum', 'eanSquareSum'] as const),
  ...(['gatedMoments', 'logitSum', 'logitGram', 'probabilityGram', 'coactivation'] as const),
];

/**
 * Adds the sums of `once`, of tokens that count `times` times; the tokens themselves are the caller's. `layer`: the
 * layer of `statistics` that the only layer of `once` is; absent: both have all layers.
 */
export const addSums = (statistics: RoutingStatistics, once: RoutingStatistics, times: number, layer = 0): void => {
  for (const name of ROUTING_SUMS) {
    const [sums, added] = [statistics[name], once[name]];
    const first = layer * added.length;
    for (let at = 0; at < added.length; at += 1) sums[first + at]! += times * added[at]!;
  }
  const [peaks, seen] = [statistics.peakOutputs, once.peakOutputs];
  if (peaks === undefined || seen === undefined || times === 0) return;
  const first = layer * seen.length;
  for (let at = 0; at < seen.length; at += 1) peaks[first + at] = Math.max(peaks[first + at]!, seen[at]!);
};

/** Sets the sums of some statistics to zero. */
export const clearSums = (statistics: RoutingStatistics): void => {
  for (const name of ROUTING_SUMS) statistics[name].fill(0);
  statistics.peakOutputs?.fill(0);
};
