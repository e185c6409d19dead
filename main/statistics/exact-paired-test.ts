import { refuse } from '../contract/errors.ts';
import { maxOf } from './extremes.ts';
import { normalQuantileOf } from './distributions.ts';
import { type Interval, type PairedCounts, tangoInterval, tangoScore } from './tango-interval.ts';

/**
 * The exact unconditional test for paired proportions. H0: p(gained) - p(lost) <= difference; it is rejected where
 * Tango's score at `difference` is at least `z`. The mirrored test, of a difference of at least d, is that of
 * difference -d with gained and lost exchanged.
 *
 * Compared with the normal quantile the score is nominal: the probability of rejecting a true H0 depends on the unknown
 * share of discordant items and exceeds the level for many n. At `criticalScore` it exceeds the level for no share
 * (Hsueh, Liu and Chen 2001, doi:10.1111/j.0006-341X.2001.00478.x; Sidik 2003, doi:10.1002/sim.1418). The probability
 * is largest where the difference is exactly that of H0, because the score rises with every item gained and falls with
 * every item lost (Berger and Sidik 2003, doi:10.1191/0962280203sm312ra), so only one unknown share remains.
 */
export interface ScoreTest {
  readonly n: number;
  /** Largest difference of H0, above -1 and below 1. */
  readonly difference: number;
  /** Smallest score that rejects H0. */
  readonly z: number;
}

/** True probabilities that only the candidate, or only the baseline, answers an item correctly. */
export interface DiscordantProbabilities {
  readonly gained: number;
  readonly lost: number;
}

/**
 * Largest number of lost items at which H0 is rejected with 0, 1, 2, ... `most` gained ones; -1: with none. From one
 * number of gained items to the next it rises by at most 1: one more gained and one more lost item widen the spread and
 * keep the difference.
 */
export const rejectionLimits = ({ n, difference, z }: ScoreTest, most: number): Int32Array => {
  const limits = new Int32Array(most + 1);
  const isRejected = (gained: number, lost: number): boolean => tangoScore({ gained, lost, n }, difference) >= z;
  let [lost, unrejected] = [-1, n + 1];
  while (unrejected - lost > 1) {
    const middle = Math.floor((lost + unrejected) / 2);
    if (isRejected(0, middle)) lost = middle;
    else unrejected = middle;
  }
  for (let gained = 0; gained <= most; gained += 1) {
    lost = Math.min(lost, n - gained);
    while (gained + lost < n && isRejected(gained, lost + 1)) lost += 1;
    limits[gained] = lost;
  }
  return limits;
};

/** ln k!: the sum below 16, Stirling's series from there (its first term left out is below 1e-13). */
const logFactorial = (k: number): number => {
  let sum = 0;
  if (k < 16) {
    for (let factor = 2; factor <= k; factor += 1) sum += Math.log(factor);
    return sum;
  }
  const square = 1 / (k * k);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / k;
  return (k + 0.5) * Math.log(k) - k + 0.5 * Math.log(2 * Math.PI) + series;
};

const logBinomial = (n: number, k: number, p: number): number =>
  logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log1p(-p);

/** P(X <= k), X ~ Binomial(n, p) with p inside (0, 1) and 0 <= k < n: the sum of the shorter tail. `at` is P(X = k). */
const binomialUpTo = (n: number, k: number, p: number, at: number): number => {
  const odds = p / (1 - p);
  let sum = 0;
  let term = at;
  if (k <= n * p) {
    for (let i = k; i >= 0 && term > sum * 1e-17; i -= 1) {
      sum += term;
      term *= i / ((n - i + 1) * odds);
    }
    return sum;
  }
  for (let i = k; i < n; i += 1) {
    term *= ((n - i) * odds) / (i + 1);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return 1 - sum;
};

/** Terms of the outer binomial below this, relative to its mode, are omitted: together below 1e-12. */
const NEGLIGIBLE = 1e-14;

/** This many standard deviations and items beyond its mean, a binomial has less than 1e-50 left. */
const FAR_DEVIATIONS = 25;
const FAR_COUNT = 60;

/**
 * The probability that lost <= limits[gained], (gained, lost, concordant) ~ Trinomial(n; probabilities): exact, summed
 * over gained. P(lost <= limit) changes from one number of gained items to the next by one term of the binomial, so the
 * total number of steps is the number of likely values of gained.
 */
export const chanceWithin = (limits: Int32Array, n: number, { gained, lost }: DiscordantProbabilities): number => {
  const share = gained < 1 ? Math.min(1, lost / (1 - gained)) : 0;
  const within = (count: number): number => {
    const [rest, limit] = [n - count, limits[count] ?? -1];
    if (limit < 0) return 0;
    if (limit >= rest || share <= 0) return 1;
    return share >= 1 ? 0 : binomialUpTo(rest, limit, share, Math.exp(logBinomial(rest, limit, share)));
  };
  if (gained <= 0) return within(0);
  if (gained >= 1) return within(n);
  const mode = Math.min(n, Math.floor((n + 1) * gained));
  const odds = gained / (1 - gained);
  let first = mode;
  let weight = 1;
  while (first > 0) {
    const before = (weight * first) / ((n - first + 1) * odds);
    if (before < NEGLIGIBLE) break;
    weight = before;
    first -= 1;
  }
  // No arrays in this loop, which takes nearly all of the time of a critical score.
  let chance = 0;
  let total = 0;
  let upTo = 0;
  let at = 0;
  let known = -1;
  for (let count = first; count <= n; count += 1) {
    const rest = n - count;
    const limit = limits[count] ?? -1;
    const beyond = limit - rest * share;
    if (limit < 0 || limit >= rest || share <= 0 || share >= 1) {
      upTo = within(count);
      known = -1;
    } else if (Math.abs(beyond) > FAR_COUNT + FAR_DEVIATIONS * Math.sqrt(rest * share * (1 - share))) {
      upTo = beyond < 0 ? 0 : 1;
      known = -1;
    } else if (known < 0 || at < 1e-290) {
      at = Math.exp(logBinomial(rest, limit, share));
      upTo = binomialUpTo(rest, limit, share, at);
      known = limit;
    } else {
      // From rest + 1 items to rest, then from `known` lost ones to `limit`.
      at *= (rest + 1 - known) / ((rest + 1) * (1 - share));
      upTo += share * at;
      if (limit > known) {
        at *= ((rest - known) * share) / ((known + 1) * (1 - share));
        upTo += at;
        known = limit;
      }
    }
    total += weight;
    chance += weight * upTo;
    weight *= ((n - count) * odds) / (count + 1);
    if (count >= mode && weight < NEGLIGIBLE) break;
  }
  return Math.min(1, chance / total);
};

/** The probability that a test rejects H0, summed exactly: no simulation, no normal approximation. */
export const chanceOfRejection = (test: ScoreTest, probabilities: DiscordantProbabilities): number => {
  const { gained, lost } = probabilities;
  if (!(gained >= 0 && lost >= 0 && gained + lost <= 1) || !Number.isInteger(test.n) || test.n < 1) {
    throw refuse(
      'counts-invalid',
      `Probabilities ${gained} and ${lost} of ${test.n} items are not those of a paired comparison.`,
      'Give probabilities that are at most 1 together and at least one item.',
    );
  }
  return chanceWithin(rejectionLimits(test, likelyMost(test.n, gained)), test.n, probabilities);
};

/** A number of successes that Binomial(n, p) exceeds with a probability below 1e-14. */
const likelyMost = (n: number, p: number): number => Math.min(n, Math.ceil(n * p + 9 * Math.sqrt(n * p) + 40));

/** Steps of the root of a count between two points of the grid: half a standard deviation of the count. */
const ROOT_STEP = 0.25;
/** Fewest and most points of each fine part of the grid. */
const FEWEST_POINTS = 32;
const MOST_FINE_POINTS = 400;
/** From this many items of the rarer kind on, steps are a tenth of the share. */
const FINE_COUNT = 900;
/** Up to this share of concordant items, the parity of lost - gained affects the probability. */
const PARITY_SHARE = 0.35;

/**
 * Shares of discordant items at which the probability of a wrong rejection is evaluated, from |difference| to 1: close
 * together where counts are small (of the rarer kind of discordant items, or of concordant ones), because there it
 * fluctuates with single items.
 */
export const discordanceGrid = (n: number, difference: number, finer = 1): readonly number[] => {
  const least = Math.abs(difference);
  const room = 1 - least;
  const step = ROOT_STEP / finer;
  const shares = new Set<number>([least, 1]);
  const rarerMost = Math.min(room / 4, FINE_COUNT / n);
  const fine = Math.max(FEWEST_POINTS, Math.ceil(Math.sqrt(n * rarerMost) / step));
  for (let i = 0; i <= fine; i += 1) shares.add(least + 2 * rarerMost * (i / fine) ** 2);
  const concordantMost = Math.min(room / 2, PARITY_SHARE);
  const points = Math.max(
    FEWEST_POINTS,
    Math.min(MOST_FINE_POINTS * finer, Math.ceil(Math.sqrt(n * concordantMost) / step)),
  );
  for (let i = 0; i <= points; i += 1) shares.add(1 - concordantMost * (i / points) ** 2);
  for (let rarer = rarerMost; 2 * rarer < room - concordantMost; rarer *= 1 + 0.1 / finer)
    shares.add(least + 2 * rarer);
  return [...shares].sort((a, b) => a - b);
};

/** Grid points above this fraction of the maximum are refined: the highest peak could lie next to them. */
const CLOSE_PEAK = 0.99;
const MOST_PEAKS = 6;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const GOLDEN_STEPS = 8;

/** The maximum of a function with one peak between `from` and `to`, by golden section. */
const highestBetween = (chanceAt: (share: number) => number, from: number, to: number): number => {
  let [left, right] = [from, to];
  let [inner, outer] = [right - GOLDEN * (right - left), left + GOLDEN * (right - left)];
  let [atInner, atOuter] = [chanceAt(inner), chanceAt(outer)];
  for (let step = 0; step < GOLDEN_STEPS; step += 1) {
    if (atInner > atOuter) {
      [right, outer, atOuter] = [outer, inner, atInner];
      inner = right - GOLDEN * (right - left);
      atInner = chanceAt(inner);
    } else {
      [left, inner, atInner] = [inner, outer, atOuter];
      outer = left + GOLDEN * (right - left);
      atOuter = chanceAt(outer);
    }
  }
  return Math.max(atInner, atOuter);
};

/**
 * The size of a test: the largest probability that it rejects a true H0, over every share of discordant items.
 * `enough`: a size that settles the question; the first share of the grid that exceeds it ends the search.
 */
export const sizeOf = (test: ScoreTest, grid = discordanceGrid(test.n, test.difference), enough = Infinity): number => {
  const { n, difference } = test;
  const limits = rejectionLimits(test, likelyMost(n, (1 + difference) / 2));
  const chanceAt = (discordant: number): number => {
    const gained = Math.max(0, (discordant + difference) / 2);
    return chanceWithin(limits, n, { gained, lost: Math.max(0, discordant - gained) });
  };
  const chances: number[] = [];
  for (const share of grid) {
    const chance = chanceAt(share);
    if (chance > enough) return chance;
    chances.push(chance);
  }
  const size = maxOf(chances);
  if (enough < Infinity && size < CLOSE_PEAK * enough) return size;
  const peaks = chances.flatMap((chance, index) =>
    chance >= CLOSE_PEAK * size && chance >= (chances[index - 1] ?? 0) && chance >= (chances[index + 1] ?? 0)
      ? [{ chance, from: grid[index - 1] ?? grid[index] ?? 0, to: grid[index + 1] ?? grid[index] ?? 0 }]
      : [],
  );
  return peaks
    .sort((left, right) => right.chance - left.chance)
    .slice(0, MOST_PEAKS)
    .reduce((highest, { from, to }) => Math.max(highest, highestBetween(chanceAt, from, to)), size);
};

/** Part of the level reserved for maxima that the grid may have missed. */
const RESERVE = 5e-4;
/** Precision of the critical score, from above. */
const SCORE_STEP = 2 ** -10;
/** How far the critical score may lie below the normal quantile: further down little is gained. */
const MOST_BELOW = 0.25;

const MOST_KNOWN = 5000;
const known = new Map<string, number>();

/**
 * The critical score of the exact test: (nearly) the smallest at which the probability of rejecting a true H0 is at
 * most `alpha`, whatever share of the items is discordant. Cached, because every result with n items needs it: about 1
 * ms at n = 300, 1 s at n = 1e6.
 */
export const criticalScore = (n: number, difference: number, alpha: number): number => {
  const key = `${n},${difference},${alpha}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const nominal = normalQuantileOf(alpha);
  const grid = discordanceGrid(n, difference);
  const wanted = alpha * (1 - RESERVE);
  const holds = (z: number): boolean => sizeOf({ n, difference, z }, grid, wanted) <= wanted;
  let low = Math.max(0, nominal - MOST_BELOW);
  let width = holds(nominal) ? nominal - low : 0.125;
  let high = width === 0.125 ? nominal + width : nominal;
  if (high > nominal) {
    low = nominal;
    while (!holds(high)) {
      low = high;
      width *= 2;
      high += width;
    }
  }
  while (high - low > SCORE_STEP) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, high);
  return high;
};

/** One-sided level of either end of a two-sided 95 % interval. */
export const EITHER_END = 0.025;

/**
 * Two-sided 95 % interval of p(gained) - p(lost): Tango's limits at the critical score of the exact test of no
 * difference, so that without a true difference it excludes 0 on either side with a probability of at most 2.5 %.
 */
export const pairedInterval = ({ gained, lost, n }: PairedCounts): Interval =>
  tangoInterval({ gained, lost, n }, criticalScore(n, 0, EITHER_END));
