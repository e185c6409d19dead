import { chanceOfRejection, criticalScore, type DiscordantProbabilities } from './exact-paired-test.ts';
import { normalQuantileOf, normalUpperTail } from './distributions.ts';
import { tangoScore } from './tango-interval.ts';

/** Parameters of a paired test of non-inferiority. */
export interface PairedTest {
  readonly n: number;
  /** Non-inferiority margin, a share. */
  readonly delta: number;
  /** Smallest score that calls a candidate safe (`criticalScore`). */
  readonly z: number;
}

/**
 * The probability that a candidate is called safe: that Tango's score at -delta is `z` or more, summed exactly over the
 * trinomial of gained, lost and concordant items. With lost - gained = 0 it is the power for an unharmed candidate;
 * with lost - gained = delta, the error of the rule.
 */
export const chanceOfSafe = ({ n, delta, z }: PairedTest, probabilities: DiscordantProbabilities): number =>
  chanceOfRejection({ n, difference: -delta, z }, probabilities);

/**
 * The score's normal distribution at expected counts: mean `perRoot` sqrt(n), spread sigma1 / sigma0; discordance above
 * 0.
 */
const scoreDistribution = (
  delta: number,
  discordance: number,
): { readonly perRoot: number; readonly spread: number } => {
  const perRoot = tangoScore({ gained: discordance / 2, lost: discordance / 2, n: 1 }, -delta);
  return { perRoot, spread: (Math.sqrt(discordance) * perRoot) / delta };
};

/**
 * Expected discordant items up to which probabilities are exact sums: their cost grows with them. Beyond, the normal
 * approximation is within 0.001.
 */
const EXACT_DISCORDANT = 5_000;

/** The probability that a candidate with this share of discordant items, but no true difference, is called safe. */
export const chanceForUnharmed = (test: PairedTest, discordance: number): number => {
  if (test.n * discordance <= EXACT_DISCORDANT)
    return chanceOfSafe(test, { gained: discordance / 2, lost: discordance / 2 });
  const { perRoot, spread } = scoreDistribution(test.delta, discordance);
  return normalUpperTail((test.z - perRoot * Math.sqrt(test.n)) / spread);
};

/** Planning parameters: the margin, and the one-sided level of the exact test. */
export interface PlannedTest {
  readonly delta: number;
  readonly alpha: number;
}

/** Up to here the number of items is found by exact sums; beyond, where these are slow, by the normal approximation. */
const EXACT_UP_TO = 2000;

const approximateItems = ({ delta, z }: Omit<PairedTest, 'n'>, discordance: number, wanted: number): number => {
  const { perRoot, spread } = scoreDistribution(delta, discordance);
  return Math.ceil(((z + normalQuantileOf(1 - wanted) * spread) / perRoot) ** 2);
};

/** Smallest n from which `isEnough` holds, searched around `near`; at least `fewest`. */
const firstEnough = (near: number, fewest: number, isEnough: (n: number) => boolean): number => {
  let [low, high] = [Math.max(fewest, Math.floor(near * 0.8)), Math.ceil(near * 1.2)];
  while (low > fewest && isEnough(low)) low = Math.max(fewest, Math.floor(low * 0.8));
  while (!isEnough(high)) high = Math.ceil(high * 1.2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
};

/**
 * About how many items are needed until an unharmed candidate of this discordance is called safe with probability
 * `wanted` (0.5 or more): with the returned number the probability is at least that, unless the number is above 2000.
 * There it is that of the normal approximation, which is then within 1 %. The probability rises with n in small steps
 * up and down, as counts are whole, so somewhat fewer items may suffice by luck. Uses the critical score of about as
 * many items for all n, since computing that of every n tried would be slow.
 */
export const itemsForChance = (
  { delta, alpha }: PlannedTest,
  discordance: number,
  wanted: number,
  fewest: number,
): number => {
  const scoreAt = (n: number): number => criticalScore(n, -delta, alpha);
  const isEnoughAt = (n: number, z: number): boolean => chanceForUnharmed({ n, delta, z }, discordance) >= wanted;
  if (discordance === 0 || (fewest <= EXACT_UP_TO && isEnoughAt(fewest, scoreAt(fewest)))) return fewest;
  const nominal = normalQuantileOf(alpha);
  const near = Math.max(fewest, approximateItems({ delta, z: nominal }, discordance, wanted));
  if (near > EXACT_UP_TO) return near;
  const z = scoreAt(near);
  let items = firstEnough(near, fewest, (n) => isEnoughAt(n, z));
  while (!isEnoughAt(items, scoreAt(items))) items += Math.ceil(items / 100);
  return items;
};
