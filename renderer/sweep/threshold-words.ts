import { assertNever } from '../../main/contract/errors.ts';
import type { Threshold } from '../../main/contract/sweep.ts';
import { formatFactor } from '../format/format-number.ts';

/** The threshold itself, short. */
export const thresholdValue = (threshold: Threshold): string => {
  switch (threshold.verdict) {
    case 'found':
      return threshold.factor === null ? '?' : formatFactor(threshold.factor);
    case 'all-safe':
      return `≥ ${formatFactor(threshold.lastSafe ?? threshold.factor ?? 1)}`;
    case 'none-safe':
      return threshold.firstUnsafe === null ? 'none' : `< ${formatFactor(threshold.firstUnsafe)}`;
    case 'cannot-tell':
      return '?';
    default:
      return assertNever(threshold.verdict);
  }
};

/** The bracket and verdict in words. */
export const thresholdBracket = ({ verdict, lastSafe, firstUnsafe, firstWorse }: Threshold): string => {
  const worse = firstWorse === null ? '' : `, worse ${formatFactor(firstWorse)}`;
  switch (verdict) {
    case 'found':
      return `safe ${formatFactor(lastSafe ?? 1)}, unsafe ${formatFactor(firstUnsafe ?? 1)}${worse}`;
    case 'all-safe':
      return 'all tested are safe';
    case 'none-safe':
      return `unsafe at ${firstUnsafe === null ? 'every factor' : formatFactor(firstUnsafe)}${worse}`;
    case 'cannot-tell':
      return 'cannot tell, too few items';
    default:
      return assertNever(verdict);
  }
};

/**
 * How a method stands on a task: the threshold over all its seeds where the engine gives one, else the range of its
 * seeds.
 */
export const thresholdSummary = (
  thresholds: readonly Threshold[],
): { readonly value: string; readonly note: string } | null => {
  const [first] = thresholds;
  if (first === undefined) return null;
  const overall = thresholds.find((threshold) => threshold.seed === null);
  if (overall !== undefined) {
    const seeds = thresholds.length - 1;
    return {
      value: thresholdValue(overall),
      note: `${thresholdBracket(overall)}${seeds > 0 ? `, ${seeds} seeds` : ''}`,
    };
  }
  if (thresholds.length === 1) return { value: thresholdValue(first), note: thresholdBracket(first) };
  const values = [...new Set(thresholds.map(thresholdValue))];
  if (values.length === 1)
    return { value: thresholdValue(first), note: `${thresholdBracket(first)} (${thresholds.length} seeds)` };
  const ordered = [...thresholds].sort((left, right) => (left.factor ?? 0) - (right.factor ?? 0));
  const [lowest, highest] = [ordered[0], ordered.at(-1)];
  return {
    value:
      lowest === undefined || highest === undefined ? '' : `${thresholdValue(lowest)} … ${thresholdValue(highest)}`,
    note: `${thresholds.length} seeds differ`,
  };
};
