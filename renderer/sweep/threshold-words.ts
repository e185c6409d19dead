import type { Threshold } from '../../main/contract/sweep.ts';
import { bracketWords, thresholdValue } from '../../main/evaluation/wording.ts';

/**
 * How a method stands on a task: its threshold over all draws, which says what single draws do, or that of its one draw;
 * while the others are on their way, the range of those that are there.
 */
export const thresholdSummary = (
  thresholds: readonly Threshold[],
): { readonly value: string; readonly note: string } | null => {
  const [first] = thresholds;
  if (first === undefined) return null;
  const whole = thresholds.length === 1 ? first : thresholds.find(({ seed }) => seed === null);
  if (whole !== undefined) return { value: thresholdValue(whole), note: bracketWords(whole) };
  const ordered = [...thresholds].sort((left, right) => (left.factor ?? 0) - (right.factor ?? 0));
  const values = [...new Set([ordered[0] ?? first, ordered.at(-1) ?? first].map(thresholdValue))];
  return {
    value: values.join(' \u2026 '),
    note:
      values.length === 1 ? `${bracketWords(first)} (${thresholds.length} draws)` : `${thresholds.length} draws differ`,
  };
};
