import { refuse } from '../contract/errors.ts';
import type { MetricName } from '../contract/task.ts';

/** Standard normal quantile 0.975, for two-sided 95 % intervals. */
export const Z_TWO_SIDED_95 = 1.959963984540054;

/** Paired yes/no outcomes of two systems on the same n items. */
export interface PairedCounts {
  /** Items that only the candidate answers correctly (b). */
  readonly gained: number;
  /** Items that only the baseline answers correctly (c). */
  readonly lost: number;
  readonly n: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Score statistic of Tango (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B, eq. for H0:
 * p(gained) - p(lost) = difference:
 *
 * (b - c - n d) / sqrt(n (2 q + d (1 - d))), q = maximum-likelihood estimate of p(lost) under H0, the larger root of 2n
 * q^2 + ((2n - b + c) d - b - c) q - c d (1 - d) = 0.
 *
 * Decreases monotonically in `difference` over [-1, 1]; 0 at (b - c) / n; infinite where H0 is impossible.
 */
export const tangoScore = (counts: PairedCounts, difference: number): number => {
  // For d >= 0 both products under the root are non-negative, so nothing cancels. The other side is its mirror image.
  if (difference < 0) {
    return -tangoScore({ gained: counts.lost, lost: counts.gained, n: counts.n }, -difference);
  }
  const { gained, lost, n } = counts;
  const numerator = gained - lost - n * difference;
  if (numerator === 0) return 0;
  const spread = difference * (1 - difference);
  const linear = (2 * n - gained + lost) * difference - gained - lost;
  const root = Math.sqrt(linear * linear + 8 * n * lost * spread);
  const lostProbability = linear > 0 ? (2 * lost * spread) / (linear + root) : (root - linear) / (4 * n);
  return numerator / Math.sqrt(n * (2 * lostProbability + spread));
};

const checkCounts = ({ gained, lost, n }: PairedCounts): void => {
  const whole = [gained, lost, n].every((count) => Number.isInteger(count) && count >= 0);
  if (!whole || n < 1 || gained + lost > n) {
    throw refuse(
      'counts-invalid',
      `${gained} gained and ${lost} lost of ${n} items are not the counts of a paired comparison.`,
      'Counts are whole, not negative, and gained + lost is at most n, which is at least 1.',
    );
  }
};

/**
 * Lower limit for p(gained) - p(lost): the smallest difference that the score test does not reject, at the one-sided
 * level of the normal quantile `z`. Accurate to the last bits of float64. -1 if every item is lost.
 */
export const tangoLowerLimit = (counts: PairedCounts, z: number): number => {
  checkCounts(counts);
  const { gained, lost, n } = counts;
  if (lost === n) return -1;
  // Without discordant pairs the score is sqrt(n d / (1 - d)) at -d: the root in closed form.
  if (gained + lost === 0) return -(z * z) / (n + z * z);
  let rejected = -1;
  let accepted = (gained - lost) / n;
  for (;;) {
    const middle = (rejected + accepted) / 2;
    if (middle <= rejected || middle >= accepted) return accepted;
    if (tangoScore(counts, middle) > z) rejected = middle;
    else accepted = middle;
  }
};

/** Tango's score interval for p(gained) - p(lost); two-sided 95 % unless another quantile is given. */
export const tangoInterval = (counts: PairedCounts, z: number = Z_TWO_SIDED_95): Interval => ({
  low: tangoLowerLimit(counts, z),
  high: -tangoLowerLimit({ gained: counts.lost, lost: counts.gained, n: counts.n }, z),
});

/** Sign of a difference whose interval excludes 0 (lower is better for perplexity); null where it includes 0. */
export const intervalSide = (
  metric: MetricName,
  { low, high }: { readonly low: number; readonly high: number },
): 'better' | 'worse' | null => {
  const [isMore, isLess] = [low > 0, high < 0];
  if (!isMore && !isLess) return null;
  return isMore === (metric !== 'perplexity') ? 'better' : 'worse';
};
