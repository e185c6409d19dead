import { refuse } from '../contract/errors.ts';
import type { ChoiceItem, MetricName, TaskItem, TextItem } from '../contract/task.ts';

/** A task in memory. A plain JSONL file has no calibration items: it can be scored but not profiled. */
export interface Task {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly metric: MetricName;
  readonly source: string;
  readonly licence: string;
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
  /** SHA-256 over metric and items: two tasks with the same hash are the same task, wherever they lie. */
  readonly hash: string;
  /** The folder or file it was read from. */
  readonly path: string;
}

export const isTextItem = (item: TaskItem): item is TextItem => 'text' in item;
export const isChoiceItem = (item: TaskItem): item is ChoiceItem => 'choices' in item;

/** What a profile reads of an item: context and right answer as they stand, or the text. */
export const profiledText = (item: TaskItem): string =>
  isTextItem(item) ? item.text : item.context + (item.choices[item.answer] ?? '');

/** Accuracy of guessing: mean of 1 / choices; null for texts. */
export const chanceAccuracy = (items: readonly TaskItem[]): number | null => {
  if (items.length === 0 || !items.every(isChoiceItem)) return null;
  return items.reduce((sum, item) => sum + 1 / item.choices.length, 0) / items.length;
};

/** Names appear in tensor names, file names and tables. */
const TASK_NAME = /^[^\s/\\\p{C}](?:[^/\\\p{C}]{0,126}[^\s/\\\p{C}])?$/u;

/** The name itself; refuses one that cannot be used, which `place` gave. */
export const checkTaskName = (name: string, place: string): string => {
  if (!TASK_NAME.test(name)) {
    throw refuse(
      'bad-task',
      `${place}: the name ${JSON.stringify(name)} cannot be used.`,
      'Use 1 to 128 characters without slashes, control characters or outer spaces.',
    );
  }
  return name;
};
