import type { TaskEntry } from '../../../main/contract/task.ts';
import { formatFixed, formatPercent } from '../../../main/words/numbers.ts';
import { maxOf, minOf } from '../../../main/statistics/extremes.ts';

/**
 * Accuracy without the question: that of the selected model if the task's folder states it, else the range over the
 * models it names; null if it states none.
 */
export const withoutQuestionText = (
  { withoutQuestion }: Pick<TaskEntry, 'withoutQuestion'>,
  model: string | null,
): string | null => {
  const own = model === null ? undefined : withoutQuestion[model];
  if (model !== null && own !== undefined) return `${formatPercent(own)} (${model})`;
  const values = Object.values(withoutQuestion);
  if (values.length === 0) return null;
  const [low, high] = [minOf(values), maxOf(values)].map((value) => formatFixed(value * 100, 1));
  const range = `${low === high ? low : `${low}–${high}`}\u202f%`;
  return `${range} (${values.length === 1 ? Object.keys(withoutQuestion).join() : `${values.length} models`})`;
};
