/**
 * Bounds for rounding differences. A log-probability that two CPUs sum in another order differs by less than `score`
 * (so does a mean loss); values computed from them, perplexities and their intervals, by less than `derived` relative
 * to the perplexity; refits and sums of profiles by less than `sums` relative to the largest number of their kind.
 * Experts whose router logits are less than `logit` apart may be chosen in another order.
 * Everything else (accuracies, counts, p-values, thresholds) is a function of integers, equal up to its last digits.
 */
export const ROUNDING = { score: 1e-3, derived: 1e-6, sums: 1e-4, lastDigits: 1e-12, logit: 1e-5 } as const;

/** The same in words, for readers of a reproduction. */
export const ROUNDING_WORDS =
  'Numbers count as equal up to rounding if log-probabilities differ by less than 0.001, perplexities and their ' +
  'intervals by less than a millionth, and sums of profiles by less than a ten-thousandth of the largest; ' +
  'accuracies, counts, p-values and thresholds must be the same.';
