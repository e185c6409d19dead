import { itemsNeeded, THRESHOLD_LEVEL } from './threshold.ts';

/** 0.02 -> "2", 0.025 -> "2.5": at most three decimals, no trailing zeros. */
const percent = (share: number): string => String(Math.round(share * 1e5) / 1e3);

/**
 * The threshold rule in words, the same on screen, in reports, figures and on the command line. `level` is the level of
 * the stored one-sided intervals.
 */
export const thresholdRule = (delta: number, level: number = THRESHOLD_LEVEL): string =>
  `A pruning factor is safe for a task if the lower end of the one-sided ${percent(level)} % interval of ` +
  `accuracy(pruned) - accuracy(unpruned), paired on the same items, is at least -${percent(delta)} percentage points ` +
  `(perplexity: if the upper end for the rise of log-perplexity is at most ${delta} nats per token). ` +
  `The threshold is the largest tested factor such that it and every smaller tested factor are safe; ` +
  `with fewer than ${itemsNeeded(delta)} items (perplexity: ${itemsNeeded(delta, 'perplexity')} texts) it cannot be told.`;
