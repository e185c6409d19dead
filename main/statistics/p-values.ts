/**
 * Exact two-sided McNemar test (sign test on the discordant pairs, McNemar 1947, doi:10.1007/BF02295996): twice the
 * smaller tail of Binomial(lost + gained, 1/2), at most 1; 1 where no pair is discordant.
 *
 * `lost` and `gained` are counts of items that only the one, or only the other, answers correctly. Relative error about
 * (lost + gained) x 1e-16; counts in the millions do not overflow and take some milliseconds.
 */
export const mcnemarExact = (lost: number, gained: number): number => {
  const n = lost + gained;
  const smaller = Math.min(lost, gained);
  if (2 * smaller === n) return 1;

  // P(X = smaller) = C(n, smaller) / 2^n, with the halvings interleaved so that no factor leaves the range of float64.
  let term = 1;
  let halvings = n;
  for (let i = 1; i <= smaller; i += 1) {
    term *= (n - smaller + i) / i;
    while (term > 1 && halvings > 0) {
      term /= 2;
      halvings -= 1;
    }
  }

  // The tail, relative to its largest term; terms decrease, so a vanishing one ends the sum.
  let tail = 1;
  let ratio = 1;
  for (let i = smaller; i > 0 && ratio > Number.EPSILON * tail * 1e-3; i -= 1) {
    ratio *= i / (n - i + 1);
    tail += ratio;
  }
  return Math.min(1, 2 * tail * term * 2 ** -halvings);
};

/**
 * One-sided exact p of `right` or more right answers among n by guessing: the upper tail of Binomial(n, chance). Where
 * items differ in their number of choices `chance` is the mean of their chances, and the p is an upper bound for counts
 * of at least n * chance + 1 (Hoeffding 1956, doi:10.1214/aoms/1177728178). Relative error about n x 1e-15.
 */
export const guessingP = (right: number, n: number, chance: number): number => {
  const odds = chance / (1 - chance);
  /** Log of the probability of exactly k right answers. */
  const logProbability = (k: number): number => {
    let sum = k * Math.log(chance) + (n - k) * Math.log1p(-chance);
    for (let i = 1; i <= k; i += 1) sum += Math.log((n - k + i) / i);
    return sum;
  };
  // Terms decrease away from the mean: the tail that does not contain it is summed, relative to its largest term.
  const isUpper = right > n * chance;
  const start = isUpper ? right : right - 1;
  if (start < 0) return 1;
  let [tail, ratio] = [1, 1];
  for (let k = start; isUpper ? k < n : k > 0; k += isUpper ? 1 : -1) {
    ratio *= isUpper ? ((n - k) / (k + 1)) * odds : k / (n - k + 1) / odds;
    tail += ratio;
    if (ratio <= Number.EPSILON * tail * 1e-3) break;
  }
  const sum = Math.min(1, Math.exp(logProbability(start)) * tail);
  return isUpper ? sum : 1 - sum;
};

/**
 * The largest share of which `found` or fewer among `n` independent draws still has a chance of 5 %: the exact
 * one-sided 95 % upper limit of Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404).
 */
export const upperLimit = (found: number, n: number): number => {
  if (found >= n) return 1;
  let [low, high] = [found / n, 1];
  for (let turn = 0; turn < 60; turn += 1) {
    const middle = (low + high) / 2;
    if (1 - guessingP(found + 1, n, middle) > 0.05) low = middle;
    else high = middle;
  }
  return high;
};

/**
 * Holm's step-down adjustment (Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal
 * of Statistics 6): the i-th smallest of m p-values times (m - i + 1), made monotone, at most 1. In the order given;
 * null (no p-value) stays null and does not count.
 */
export const holmAdjusted = (ps: readonly (number | null)[]): (number | null)[] => {
  const ascending = ps
    .flatMap((p, position) => (p === null ? [] : [{ p, position }]))
    .sort((left, right) => left.p - right.p);
  const adjusted: (number | null)[] = ps.map(() => null);
  let largest = 0;
  ascending.forEach(({ p, position }, index) => {
    largest = Math.max(largest, Math.min(1, p * (ascending.length - index)));
    adjusted[position] = largest;
  });
  return adjusted;
};

/**
 * Conformal p of a value against controls: the share of controls, and of the value itself, that are at least as large.
 * Valid where the value and the controls are exchangeable if nothing sets it apart; ties make it larger. Source: Bates
 * et al. 2023 (arXiv 2104.08279), who show that these p-values may be given to `discoveries`.
 */
export const conformalP = (value: number, controls: readonly number[]): number =>
  (1 + controls.filter((control) => control >= value).length) / (1 + controls.length);

/**
 * Indices of the discoveries among p-values, such that in the mean at most the share `rate` of them is false: the most
 * k for which the k-th smallest p is at most rate k / m. Source: Benjamini and Hochberg 1995
 * (doi:10.1111/j.2517-6161.1995.tb02031.x).
 */
export const discoveries = (ps: readonly number[], rate: number): readonly number[] => {
  const order = ps.map((p, index) => ({ p, index })).sort((left, right) => left.p - right.p);
  const last = order.findLastIndex(({ p }, at) => p <= (rate * (at + 1)) / ps.length);
  return order.slice(0, last + 1).map(({ index }) => index);
};
