import { LARGEST_MARGIN, SMALLEST_MARGIN } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { type PointVerdict, type SweepResult, type TestPower, WANTED_CHANCE } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { nominalLevel } from '../statistics/bootstrap.ts';
import { groupInterval, type GroupMoves, largestGroup } from '../statistics/clustered-pairs.ts';
import { criticalScore, pairedInterval } from '../statistics/exact-paired-test.ts';
import { chanceForUnharmed, itemsForChance } from '../statistics/paired-power.ts';
import { type Interval, type PairedCounts, tangoLowerLimit, tangoScore } from '../statistics/tango-interval.ts';
import { counted, formatMargin, formatRoughPercent } from '../words/numbers.ts';

/** One-sided level of each threshold, unless a family of them is tested. */
export const ONE_SIDED_ALPHA = 0.05;

/**
 * Fewest texts for a perplexity threshold. A bootstrap sees only the given texts: with few of them its upper end lies
 * too low.
 */
export const TEXTS_NEEDED = 20;

/** Cache size of test results: every point of a sweep needs them again at each new margin. */
const MOST_KNOWN = 5000;
const knownItems = new Map<string, number>();

/**
 * Whether these counts call a candidate safe: by the exact unconditional test of H0 "worse by delta or more", whose
 * error rate is at most `alpha` whatever share of the items is discordant. Monotone: it rises with every item gained
 * and falls with every item lost.
 */
export const areSafeCounts = (counts: PairedCounts, delta: number, alpha: number): boolean =>
  tangoScore(counts, -delta) >= criticalScore(counts.n, -delta, alpha);

/** Whether these counts call a candidate worse by more than delta: the mirrored test. */
export const areWorseCounts = ({ gained, lost, n }: PairedCounts, delta: number, alpha: number): boolean =>
  tangoScore({ gained: lost, lost: gained, n }, delta) >= criticalScore(n, delta, alpha);

/**
 * The one-sided ends of these tests at a margin: Tango's limits at the critical scores, so that the lower end is at
 * -delta or above exactly where the counts are safe, and the upper end below it exactly where they are worse.
 */
export const oneSidedEnds = (counts: PairedCounts, delta: number, alpha = ONE_SIDED_ALPHA): Interval => {
  const { gained, lost, n } = counts;
  return {
    low: tangoLowerLimit(counts, criticalScore(n, -delta, alpha)),
    high: -tangoLowerLimit({ gained: lost, lost: gained, n }, criticalScore(n, delta, alpha)),
  };
};

/**
 * Items needed before a candidate can be called safe: an n at which one without a discordant pair is, and with one item
 * fewer is not. At least the number with which a candidate that is truly worse by delta shows no discordant pair with a
 * chance of at most alpha, (1 - delta)^n: 149 for delta = 0.02 at 5 %, where that decides. Stricter levels need up to a
 * half more, and neighbouring n may or may not suffice, by the discreteness of counts. For perplexity, TEXTS_NEEDED.
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
  const isEnough = (n: number): boolean => areSafeCounts({ gained: 0, lost: 0, n }, delta, alpha);
  const fewest = Math.max(1, Math.ceil(Math.log(alpha) / Math.log1p(-delta) - 1e-9));
  let [low, high] = [fewest - 1, fewest];
  while (!isEnough(high)) [low, high] = [high, Math.ceil(high * 1.2)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  if (knownItems.size >= MOST_KNOWN) knownItems.clear();
  knownItems.set(key, high);
  return high;
};

type Judged = Pick<
  SweepResult,
  'metric' | 'n' | 'gained' | 'lost' | 'low' | 'high' | 'lowOneSided' | 'highOneSided' | 'lowTail' | 'groups'
>;

/** Ends of passages by level, cached: they take some milliseconds, and every reading of a document needs them. */
const knownEnds = new WeakMap<readonly GroupMoves[], Map<number, Interval>>();

const groupEnds = (moves: readonly GroupMoves[], alpha: number): Interval => {
  const known = knownEnds.get(moves) ?? new Map<number, Interval>();
  knownEnds.set(moves, known);
  const ends = known.get(alpha) ?? groupInterval(moves, alpha);
  known.set(alpha, ends);
  return ends;
};

/** The end of a perplexity at `nominalLevel`; for a document without the stricter ends, its only one. */
const perplexityLow = ({ lowOneSided, lowTail }: Judged, alpha: number): number | null => {
  if (lowTail === undefined) return alpha === ONE_SIDED_ALPHA ? lowOneSided : null;
  const strictEnough = lowTail.filter((entry) => entry.alpha <= nominalLevel(alpha));
  return strictEnough.length === 0
    ? null
    : strictEnough.reduce((loosest, entry) => (entry.alpha > loosest.alpha ? entry : loosest)).low;
};

/** Lower one-sided end at a margin and level; null where a document has no end of a perplexity that is this strict. */
export const lowerEndAt = (result: Judged, delta: number, alpha: number): number | null => {
  if (result.metric === 'perplexity') return perplexityLow(result, alpha);
  if (result.groups === undefined) return oneSidedEnds(result, delta, alpha).low;
  return groupEnds(result.groups.moves, alpha).low;
};

/** Upper one-sided end at 5 % at a margin. */
export const upperEndOf = (result: Judged, delta: number): number => {
  if (result.metric === 'perplexity') return result.highOneSided;
  if (result.groups === undefined) return oneSidedEnds(result, delta).high;
  return groupEnds(result.groups.moves, ONE_SIDED_ALPHA).high;
};

const isOfCounts = ({ metric, groups }: Judged): boolean => metric !== 'perplexity' && groups === undefined;

/** How reliably the test of a result keeps its level; absent where it keeps it exactly. */
export const levelKnown = ({ metric, groups }: Pick<SweepResult, 'metric' | 'groups'>): Pick<SweepResult, 'level'> =>
  metric === 'perplexity' ? { level: 'nominal' } : groups === undefined ? {} : { level: 'simulated' };

/** The two-sided 95 % interval of a result: recomputed from its counts if it has them, else the stored one. */
export const twoSidedOf = (result: Judged): Interval =>
  isOfCounts(result) ? pairedInterval(result) : { low: result.low, high: result.high };

/** Whether a result, taken alone, is within the margin. */
export const isSafe = (result: Judged, delta: number, alpha = ONE_SIDED_ALPHA): boolean =>
  isOfCounts(result) ? areSafeCounts(result, delta, alpha) : (lowerEndAt(result, delta, alpha) ?? -Infinity) >= -delta;

/**
 * Verdict of a result, taken alone, at a margin. Both tests are one-sided: safe at the level `alpha`, worse at 5 %. It
 * cannot be both.
 */
export const verdictOf = (result: Judged, delta: number, alpha = ONE_SIDED_ALPHA): PointVerdict => {
  if (isSafe(result, delta, alpha)) return 'safe';
  const isWorse = isOfCounts(result)
    ? areWorseCounts(result, delta, ONE_SIDED_ALPHA)
    : upperEndOf(result, delta) < -delta;
  return isWorse ? 'worse' : 'undecided';
};

/** Effective number of independent items: for passages n / the largest one, because one may move as a whole. */
export const independentItems = ({ n, groups }: Pick<SweepResult, 'n' | 'groups'>): number =>
  groups === undefined ? n : Math.floor(n / largestGroup(groups.moves));

const known = new Map<string, TestPower>();

/** Power of the test of this result; null where it is not one of independent items. */
export const powerOf = (result: Judged, delta: number, alpha = ONE_SIDED_ALPHA): TestPower | null => {
  if (!isOfCounts(result)) return null;
  const { n } = result;
  const discordance = (result.gained + result.lost) / n;
  const key = [n, discordance, delta, alpha].join();
  const before = known.get(key);
  if (before !== undefined) return before;
  const needed = itemsNeeded(delta, result.metric, alpha);
  const z = n < needed ? Infinity : criticalScore(n, -delta, alpha);
  const chance = n < needed ? 0 : chanceForUnharmed({ n, delta, z }, discordance);
  const power = {
    discordance,
    chance,
    itemsForWanted: itemsForChance({ delta, alpha }, discordance, WANTED_CHANCE, needed),
  };
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, power);
  return power;
};

/**
 * Shares of items whose answer a pruned model may change, assumed before anything is measured: of the points of the
 * sample that are safe at 2 points, half change none and none changes more than 2 %.
 */
const SUPPOSED_DISCORDANCES = [0.01, 0.02, 0.05] as const;

/** Number of items that a verdict needs, depending on how many answers change. */
export interface ItemsForVerdict {
  /** The minimum for calling anything safe. */
  readonly fewest: number;
  /** Items at which an unharmed candidate is called safe with probability WANTED_CHANCE, by the share that changes. */
  readonly byDiscordance: readonly { readonly discordance: number; readonly items: number }[];
}

/** Items needed for a verdict of accuracy at the margin `delta`, before anything is measured. */
export const itemsForVerdict = (delta: number): ItemsForVerdict => {
  const fewest = itemsNeeded(delta);
  return {
    fewest,
    byDiscordance: SUPPOSED_DISCORDANCES.map((discordance) => ({
      discordance,
      items: itemsForChance({ delta, alpha: ONE_SIDED_ALPHA }, discordance, WANTED_CHANCE, fewest),
    })),
  };
};

/**
 * Whether `n` test items suffice: "120 test items are too few: at a margin of 2 points nothing can be called safe with
 * fewer than 149", or the number needed to call an unharmed plan safe, by how many answers change.
 */
export const itemsForVerdictText = (n: number, delta: number, metric: MetricName = 'acc'): string => {
  if (metric === 'perplexity') {
    const texts = `${n} test texts`;
    return n < TEXTS_NEEDED
      ? `${texts} are too few: no threshold can be determined with fewer than ${TEXTS_NEEDED}.`
      : `${texts}; ${TEXTS_NEEDED} are the fewest for a threshold.`;
  }
  const { fewest, byDiscordance } = itemsForVerdict(delta);
  const margin = `at a margin of ${formatMargin(delta)}`;
  const [have, are] = [counted(n, 'test item'), n === 1 ? 'is' : 'are'];
  if (n < fewest) return `${have} ${are} too few: ${margin} nothing can be called safe with fewer than ${fewest}.`;
  const [first, ...others] = byDiscordance.map(
    ({ discordance, items }) => `${items} if ${formatRoughPercent(discordance)}`,
  );
  return (
    `${have}; ${margin} ${fewest} are the fewest. For an unharmed plan to be called safe with a chance of ` +
    `${formatRoughPercent(WANTED_CHANCE)} it takes about ${first ?? ''} of the answers change, ${others.join(', ')}.`
  );
};

/** Ratio of the tested share's interval width to that of all items: 1 / sqrt(1 - share). */
export const wideningBySplit = (share: number): number => 1 / Math.sqrt(1 - share);
