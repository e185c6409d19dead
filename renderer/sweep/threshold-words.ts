import type { Threshold } from '../../main/contract/sweep.ts';
import { bracketWords, thresholdValue } from '../../main/evaluation/wording.ts';

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
      note: `${bracketWords(overall)}${seeds > 0 ? `, ${seeds} seeds` : ''}`,
    };
  }
  if (thresholds.length === 1) return { value: thresholdValue(first), note: bracketWords(first) };
  const values = [...new Set(thresholds.map(thresholdValue))];
  if (values.length === 1)
    return { value: thresholdValue(first), note: `${bracketWords(first)} (${thresholds.length} seeds)` };
  const ordered = [...thresholds].sort((left, right) => (left.factor ?? 0) - (right.factor ?? 0));
  const [lowest, highest] = [ordered[0], ordered.at(-1)];
  return {
    value:
      lowest === undefined || highest === undefined ? '' : `${thresholdValue(lowest)} … ${thresholdValue(highest)}`,
    note: `${thresholds.length} seeds differ`,
  };
};
