import type { CompareReading, PairedDifference } from '../../contract/compare.ts';
import type { MetricName } from '../../contract/task.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { mean } from '../../statistics/bootstrap.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { intervalSide } from '../../statistics/tango-interval.ts';
import { summarise } from '../summarise.ts';

/** Outcomes of one method on one task: a list per draw, of the same items in the same order. */
export type DrawnOutcomes = readonly (readonly ItemOutcome[])[];

/** Draws that lie on both sides tell nothing together, however sure each is. */
const jointP = (comparisons: readonly Pick<PairedDifference, 'difference' | 'p'>[]): number | null => {
  const ps = comparisons.flatMap(({ p }) => p ?? []);
  if (ps.length < comparisons.length) return null;
  const sides = new Set(comparisons.map(({ difference }) => Math.sign(difference)));
  return sides.size > 1 ? 1 : maxOf(ps);
};

/** Several paired comparisons as one: means, and an interval that holds all of theirs. */
const together = (comparisons: readonly Omit<PairedDifference, 'pairs'>[]): PairedDifference => ({
  difference: mean(comparisons.map(({ difference }) => difference)),
  low: minOf(comparisons.map(({ low }) => low)),
  high: maxOf(comparisons.map(({ high }) => high)),
  p: jointP(comparisons),
  lost: mean(comparisons.map(({ lost }) => lost)),
  gained: mean(comparisons.map(({ gained }) => gained)),
  pairs: comparisons.length,
});

/**
 * `one` minus `other` on the same items, every draw of the one with every draw of the other. Pooling the draws'
 * outcomes instead would count the same items several times over; a person prunes with one draw, so a difference is
 * told only where every draw tells it.
 */
export const pairDifference = (metric: MetricName, one: DrawnOutcomes, other: DrawnOutcomes): PairedDifference =>
  together(one.flatMap((candidate) => other.map((baseline) => summarise(metric, baseline, candidate))));

/** As `pairDifference`, each draw of the one with the same draw of the other only. */
export const pairDrawByDraw = (
  metric: MetricName,
  pairs: readonly { readonly one: readonly ItemOutcome[]; readonly other: readonly ItemOutcome[] }[],
): PairedDifference => together(pairs.map(({ one, other }) => summarise(metric, other, one)));

/** How the one does against the other; `cannot-tell` where the interval includes 0. */
export const readingOf = (metric: MetricName, interval: Pick<PairedDifference, 'low' | 'high'>): CompareReading =>
  intervalSide(metric, interval) ?? 'cannot-tell';
