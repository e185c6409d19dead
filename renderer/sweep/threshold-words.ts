import type { Threshold } from '../../main/contract/sweep.ts';
import { bracketWords, thresholdValue } from '../../main/words/verdicts.ts';

/**
 * Summary of a method on a task: its threshold over all draws, or that of its only draw; while draws are missing, the
 * range of the available ones.
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
