import type { CompareReading } from '../../contract/compare.ts';
import type { PairedOverDraws } from '../../contract/paired-numbers.ts';
import type { MetricName } from '../../contract/task.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { intervalSide } from '../../statistics/tango-interval.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { spreadOf, unanimous } from '../draws.ts';
import { summarise } from '../summarise.ts';

/** Outcomes of one draw of a method on one task; the seed is null for a method without draws. */
export interface DrawOutcomes {
  readonly seed: number | null;
  readonly outcomes: readonly ItemOutcome[];
}

/** Outcomes of one method on one task, one entry per draw, of the same items in the same order. */
export type DrawnOutcomes = readonly DrawOutcomes[];

/** The joint p of pairs: 1 where they lie on both sides of 0, however significant each is. */
const jointP = (pairs: PairedOverDraws['pairs']): number | null => {
  const ps = pairs.flatMap(({ p }) => p ?? []);
  if (ps.length < pairs.length) return null;
  const sides = new Set(pairs.map(({ difference }) => Math.sign(difference)));
  return sides.size > 1 ? 1 : maxOf(ps);
};

const sideOf = (metric: MetricName, interval: { readonly low: number; readonly high: number }): CompareReading =>
  intervalSide(metric, interval) ?? 'cannot-tell';

/** Summarises pairs of draws, each measured separately. */
export const pairsOverDraws = (metric: MetricName, pairs: PairedOverDraws['pairs']): PairedOverDraws => {
  const { mean, lowest, highest } = spreadOf(pairs.map(({ difference }) => difference));
  const [only] = pairs;
  const sides = pairs.map((pair) => sideOf(metric, pair));
  const count = (side: CompareReading): number => sides.filter((entry) => entry === side).length;
  return {
    difference: mean,
    lowest,
    highest,
    interval: pairs.length === 1 && only !== undefined ? { low: only.low, high: only.high } : null,
    p: jointP(pairs),
    lost: spreadOf(pairs.map(({ lost }) => lost)).mean,
    gained: spreadOf(pairs.map(({ gained }) => gained)).mean,
    better: count('better'),
    worse: count('worse'),
    cannotTell: count('cannot-tell'),
    pairs: [...pairs],
  };
};

const pairOf = (metric: MetricName, one: DrawOutcomes, other: DrawOutcomes): PairedOverDraws['pairs'][number] => {
  const { difference, low, high, p, lost, gained } = summarise(metric, other.outcomes, one.outcomes);
  return { seed: one.seed, otherSeed: other.seed, difference, low, high, p, lost, gained };
};

/**
 * `one` minus `other` on the same items, every draw of the one with every draw of the other. Pooling the draws'
 * outcomes would count the same items several times; since a model is pruned with one draw, a difference must hold for
 * every pair.
 */
export const pairDifference = (metric: MetricName, one: DrawnOutcomes, other: DrawnOutcomes): PairedOverDraws =>
  pairsOverDraws(
    metric,
    one.flatMap((candidate) => other.map((baseline) => pairOf(metric, candidate, baseline))),
  );

/** As `pairDifference`, but pairs only draws with the same seed. */
export const pairDrawByDraw = (
  metric: MetricName,
  pairs: readonly { readonly one: DrawOutcomes; readonly other: DrawOutcomes }[],
): PairedOverDraws =>
  pairsOverDraws(
    metric,
    pairs.map(({ one, other }) => pairOf(metric, one, other)),
  );

/** Reading of `one` against `other`: better or worse only where every pair's interval excludes 0. */
export const readingOf = (
  metric: MetricName,
  intervals: readonly { readonly low: number; readonly high: number }[],
): CompareReading => unanimous(intervals.map((interval) => sideOf(metric, interval))) ?? 'draws-differ';
