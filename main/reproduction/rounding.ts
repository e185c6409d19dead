/**
 * Rounding. A log-probability that two processors sum in another order differs by less than `score` (a mean loss is one
 * too); what is computed from log-probabilities, perplexities and their intervals, by less than `derived` of the
 * perplexity; refits and sums of profiles by less than `sums` of the largest number of their kind. Everything else,
 * accuracies, counts, p-values and thresholds, is a function of whole numbers, and equal but for its last digits.
 */
export const ROUNDING = { score: 1e-3, derived: 1e-6, sums: 1e-4, lastDigits: 1e-12 } as const;

/** The same in words, for whoever reads a reproduction. */
export const ROUNDING_WORDS =
  'Numbers count as equal but for rounding where log-probabilities differ by less than 0.001, perplexities and their ' +
  'intervals by less than a millionth, and sums of profiles by less than a ten-thousandth of the largest; accuracies, ' +
  'counts, p-values and thresholds must be the same.';
