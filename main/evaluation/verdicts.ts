import { LARGEST_MARGIN, SMALLEST_MARGIN } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import type { PointVerdict, SweepResult, TestPower } from '../contract/sweep.ts';
import { normalQuantileOf } from '../statistics/normal-distribution.ts';
import { chanceForUnharmed, itemsForChance } from '../statistics/paired-power.ts';
import { tangoLowerLimit, tangoLowerLimitOfEffective, Z_ONE_SIDED_95 } from '../statistics/tango-interval.ts';
import type { MetricName } from '../contract/task.ts';

/** One-sided level at which each threshold is told unless a family of them is. */
export const ONE_SIDED_ALPHA = 0.05;

/**
 * Texts below which a perplexity threshold is not told. A bootstrap sees only the texts it was given: with few of them
 * its upper end lies too low.
 */
export const TEXTS_NEEDED = 20;

/** Passages below which items that share them tell no threshold: the variance between few passages is not known. */
export const GROUPS_NEEDED = 20;

/** Answers that are kept: every point of a sweep asks for them again whenever a margin is tried. */
const MOST_KNOWN = 5000;
const knownItems = new Map<string, number>();

/** Normal quantile of a one-sided level; at 5 % the constant that stored intervals were made with. */
export const quantileAt = (alpha: number): number =>
  alpha === ONE_SIDED_ALPHA ? Z_ONE_SIDED_95 : normalQuantileOf(alpha);

/**
 * Items needed before any candidate can be called safe: the smallest n at which a candidate without a discordant pair
 * has its lower limit, -z^2 / (n + z^2), at -delta or above, and at which a candidate that is truly worse by delta
 * shows no discordant pair with a chance of at most alpha, (1 - delta)^n. 149 for delta = 0.02 at 5 %: the limit alone
 * would let 133 pass, where that chance is 6.8 %. For perplexity, TEXTS_NEEDED.
 */
export const itemsNeeded = (delta: number, metric: MetricName = 'acc', alpha = ONE_SIDED_ALPHA): number => {
  if (!(delta >= SMALLEST_MARGIN && delta <= LARGEST_MARGIN)) {
    throw refuse(
      'delta-invalid',
      `The margin delta is ${delta}.`,
      `Give a number from ${SMALLEST_MARGIN} to ${LARGEST_MARGIN}.`,
    );
  }
  if (metric === 'perplexity') return TEXTS_NEEDED;
  const key = `${delta},${alpha}`;
  const before = knownItems.get(key);
  if (before !== undefined) return before;
  const z = quantileAt(alpha);
  // The closed forms can be one off where rounding meets equality: the limit and the power themselves decide.
  const closed = Math.max((z * z * (1 - delta)) / delta, Math.log(alpha) / Math.log1p(-delta));
  const isEnough = (items: number): boolean =>
    tangoLowerLimit({ gained: 0, lost: 0, n: items }, z) >= -delta && (1 - delta) ** items <= alpha;
  const n = [-1, 0, 1, 2].map((off) => Math.max(1, Math.floor(closed) + off)).find(isEnough);
  if (n === undefined) throw new Error(`no number of items near ${closed} is enough at the margin ${delta}`);
  if (knownItems.size >= MOST_KNOWN) knownItems.clear();
  knownItems.set(key, n);
  return n;
};

/** Counts of a result as those of as many independent items as its items are worth. */
const effectiveCounts = ({ gained, lost, n, groups }: Pick<SweepResult, 'gained' | 'lost' | 'n' | 'groups'>) => {
  const effect = groups?.designEffect ?? 1;
  return { gained: gained / effect, lost: lost / effect, n: n / effect };
};

type Judged = Pick<
  SweepResult,
  'metric' | 'n' | 'gained' | 'lost' | 'lowOneSided' | 'highOneSided' | 'lowTail' | 'groups'
>;

/** Lower one-sided end at a level; null for a perplexity whose document holds none so strict. */
export const lowerEndAt = (result: Judged, alpha: number): number | null => {
  if (alpha === ONE_SIDED_ALPHA) return result.lowOneSided;
  if (result.metric !== 'perplexity') return tangoLowerLimitOfEffective(effectiveCounts(result), quantileAt(alpha));
  const strictEnough = (result.lowTail ?? []).filter((one) => one.alpha <= alpha);
  return (
    strictEnough.reduce<{ readonly alpha: number; readonly low: number } | null>(
      (loosest, one) => (loosest === null || one.alpha > loosest.alpha ? one : loosest),
      null,
    )?.low ?? null
  );
};

/** Upper one-sided end at 5 %; null for a perplexity of a document that holds none. */
export const upperEndOf = (result: Judged): number | null => {
  if (result.highOneSided !== undefined) return result.highOneSided;
  if (result.metric === 'perplexity') return null;
  const { gained, lost, n } = effectiveCounts(result);
  return -tangoLowerLimitOfEffective({ gained: lost, lost: gained, n }, Z_ONE_SIDED_95);
};

/** Whether a result, taken by itself, is within the margin: lower one-sided end at -delta or above. */
export const isSafe = (result: Judged, delta: number, alpha = ONE_SIDED_ALPHA): boolean =>
  (lowerEndAt(result, alpha) ?? -Infinity) >= -delta;

/**
 * What a result, taken by itself, says at a margin. Both ends are one-sided: safe where the lower end is at -delta or
 * above (at the level `alpha`), worse where the upper end (at 5 %) lies below -delta. It cannot be both.
 */
export const verdictOf = (result: Judged, delta: number, alpha = ONE_SIDED_ALPHA): PointVerdict => {
  if (isSafe(result, delta, alpha)) return 'safe';
  return (upperEndOf(result) ?? Infinity) < -delta ? 'worse' : 'undecided';
};

/** Items that a result is worth, for what it takes to tell a threshold; 0 where passages are too few. */
export const independentItems = ({ n, groups }: Pick<SweepResult, 'n' | 'groups'>): number => {
  if (groups === undefined) return n;
  return groups.count < GROUPS_NEEDED ? 0 : Math.floor(n / groups.designEffect);
};

/** The chance of being called safe that a test is asked to give an unharmed candidate. */
export const WANTED_CHANCE = 0.8;

const known = new Map<string, TestPower>();

/** What the test of this result could have told; null for perplexity, which has no counts. */
export const powerOf = (result: Judged, delta: number, alpha = ONE_SIDED_ALPHA): TestPower | null => {
  if (result.metric === 'perplexity') return null;
  const n = independentItems(result);
  const discordance = (result.gained + result.lost) / result.n;
  const key = [n, result.n, discordance, delta, alpha].join();
  const before = known.get(key);
  if (before !== undefined) return before;
  const z = quantileAt(alpha);
  const needed = itemsNeeded(delta, result.metric, alpha);
  const chance = n < needed ? 0 : chanceForUnharmed({ n, delta, z }, discordance);
  const effect = result.groups?.designEffect ?? 1;
  const independent = itemsForChance({ delta, z }, discordance, WANTED_CHANCE, needed);
  const power = {
    discordance,
    chance,
    itemsForWanted: Math.ceil(independent * effect),
  };
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, power);
  return power;
};
