import { refuse } from '../contract/errors.ts';
import { normalQuantileOf, normalUpperTail } from './normal-distribution.ts';
import { tangoScore } from './tango-interval.ts';

/**
 * Probabilities of first, first + 1, ... of a whole number; what lies outside has none that matters (below 1e-14 of the
 * mode each).
 */
interface Distribution {
  readonly first: number;
  readonly probabilities: readonly number[];
}

/** Terms relative to the mode below which the rest of a binomial is left out: together under 1e-12. */
const NEGLIGIBLE = 1e-14;

/** Binomial(n, p) around its mode, from ratios of neighbours, made to sum to 1: no factorial, no overflow. */
const binomial = (n: number, p: number): Distribution => {
  if (p <= 0 || n === 0) return { first: 0, probabilities: [1] };
  if (p >= 1) return { first: n, probabilities: [1] };
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const odds = p / (1 - p);
  const below: number[] = [];
  const above: number[] = [1];
  for (let k = mode, term = 1; k > 0; k -= 1) {
    term *= k / ((n - k + 1) * odds);
    if (term < NEGLIGIBLE) break;
    below.push(term);
  }
  for (let k = mode, term = 1; k < n; k += 1) {
    term *= ((n - k) * odds) / (k + 1);
    if (term < NEGLIGIBLE) break;
    above.push(term);
  }
  const terms = [...below.reverse(), ...above];
  const total = terms.reduce((sum, term) => sum + term, 0);
  return { first: mode - below.length, probabilities: terms.map((term) => term / total) };
};

/** What a paired test of non-inferiority is planned with. */
export interface PairedTest {
  readonly n: number;
  /** Non-inferiority margin, a share. */
  readonly delta: number;
  /** Normal quantile of the one-sided level. */
  readonly z: number;
}

/** True probabilities that an item is answered rightly by the candidate only, and by the baseline only. */
export interface DiscordantProbabilities {
  readonly gained: number;
  readonly lost: number;
}

/**
 * Largest number of lost items at which the candidate is still called safe with `gained` ones; -1: none. The score
 * falls with every item lost: steps that double from `near`, then bisection.
 */
const mostLost = ({ n, delta, z }: PairedTest, gained: number, near: number): number => {
  const isSafe = (lost: number): boolean => lost < 0 || tangoScore({ gained, lost, n }, -delta) >= z;
  const most = n - gained;
  const start = Math.min(Math.max(near, -1), most);
  // Safe at `safe`, unsafe at `unsafe`, or beyond what there is.
  let [safe, unsafe] = isSafe(start) ? [start, start + 1] : [start - 1, start];
  for (let step = 1; unsafe <= most && isSafe(unsafe); step *= 2) [safe, unsafe] = [unsafe, unsafe + step];
  for (let step = 1; !isSafe(safe); step *= 2) [safe, unsafe] = [Math.max(-1, safe - step), safe];
  unsafe = Math.min(unsafe, most + 1);
  while (unsafe - safe > 1) {
    const middle = Math.floor((safe + unsafe) / 2);
    if (isSafe(middle)) safe = middle;
    else unsafe = middle;
  }
  return safe;
};

/**
 * The chance that a candidate is called safe: that the lower end of Tango's interval at the quantile `z` is -delta or
 * above, summed exactly over the trinomial of gained, lost and concordant items (no simulation, no normal
 * approximation). With lost - gained = 0 it is what the test can tell of an unharmed candidate (its power); with
 * lost - gained = delta, the error of the rule.
 */
export const chanceOfSafe = (test: PairedTest, { gained, lost }: DiscordantProbabilities): number => {
  if (!(gained >= 0 && lost >= 0 && gained + lost <= 1) || !Number.isInteger(test.n) || test.n < 1) {
    throw refuse(
      'counts-invalid',
      `Probabilities ${gained} and ${lost} of ${test.n} items are not those of a paired comparison.`,
      'Give probabilities that are at most 1 together and at least one item.',
    );
  }
  const outer = binomial(test.n, gained);
  const lostAmongRest = gained < 1 ? Math.min(1, lost / (1 - gained)) : 0;
  let chance = 0;
  let limit = 0;
  outer.probabilities.forEach((probability, index) => {
    const count = outer.first + index;
    limit = mostLost(test, count, Math.max(0, limit));
    const inner = binomial(test.n - count, lostAmongRest);
    let within = 0;
    for (let place = 0; place < inner.probabilities.length && inner.first + place <= limit; place += 1) {
      within += inner.probabilities[place] ?? 0;
    }
    chance += probability * within;
  });
  return Math.min(1, chance);
};

/**
 * The score's normal distribution at counts as expected: mean `perRoot` sqrt(n), spread sigma1 / sigma0; discordance
 * above 0.
 */
const scoreDistribution = (
  delta: number,
  discordance: number,
): { readonly perRoot: number; readonly spread: number } => {
  const perRoot = tangoScore({ gained: discordance / 2, lost: discordance / 2, n: 1 }, -delta);
  return { perRoot, spread: (Math.sqrt(discordance) * perRoot) / delta };
};

/**
 * Discordant items, as expected, up to which chances are exact sums: their cost grows with them. Beyond, the normal
 * approximation is within 0.001.
 */
const EXACT_DISCORDANT = 5_000;

/** The chance that a candidate without any true difference, but with this share of discordant items, is called safe. */
export const chanceForUnharmed = (test: PairedTest, discordance: number): number => {
  if (test.n * discordance <= EXACT_DISCORDANT)
    return chanceOfSafe(test, { gained: discordance / 2, lost: discordance / 2 });
  const { perRoot, spread } = scoreDistribution(test.delta, discordance);
  return normalUpperTail((test.z - perRoot * Math.sqrt(test.n)) / spread);
};

/** Up to here the number of items is found by exact sums; beyond, where they take long, by the normal approximation. */
const EXACT_UP_TO = 2000;

const approximateItems = ({ delta, z }: Omit<PairedTest, 'n'>, discordance: number, wanted: number): number => {
  const { perRoot, spread } = scoreDistribution(delta, discordance);
  return Math.ceil(((z + normalQuantileOf(1 - wanted) * spread) / perRoot) ** 2);
};

/**
 * A number of items with which an unharmed candidate of this discordance is called safe with at least the chance
 * `wanted` (0.5 or more), and with one item fewer is not (or `fewest` itself). The chance rises with n in small steps
 * up and down, as counts are whole, so that a few items fewer may do by luck as well. Beyond 2000 items by the normal
 * approximation, which is then within 1 %.
 */
export const itemsForChance = (
  { delta, z }: Omit<PairedTest, 'n'>,
  discordance: number,
  wanted: number,
  fewest: number,
): number => {
  const isEnough = (n: number): boolean => chanceForUnharmed({ n, delta, z }, discordance) >= wanted;
  if (discordance === 0 || (fewest <= EXACT_UP_TO && isEnough(fewest))) return fewest;
  const near = Math.max(fewest, approximateItems({ delta, z }, discordance, wanted));
  if (near > EXACT_UP_TO) return near;
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
