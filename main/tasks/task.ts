import { assertNever, refuse } from '../contract/errors.ts';
import type { ChoiceItem, MetricName, TaskItem, TextItem, WrittenItem } from '../contract/task.ts';
import type { Judging } from './generation/judging.ts';
import type { TaskTurns } from './prompt-turns.ts';

/** A task in memory. A plain JSONL file has no calibration items: it can be scored but not profiled. */
export interface Task {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly metric: MetricName;
  readonly source: string;
  readonly licence: string;
  /** Accuracy without the question, by model name, as the task's folder states it. */
  readonly withoutQuestion?: Readonly<Record<string, number>>;
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
  /** How what is written is judged; only tasks of written items have it. */
  readonly judging?: Judging;
  /** What the items' contexts are made of; absent or null where each is one text, or a user's one turn in a chat. */
  readonly turns?: TaskTurns | null;
  /**
   * SHA-256 over metric, items and the rule that judges: two tasks with the same hash are the same task, wherever they
   * lie.
   */
  readonly hash: string;
  /** The folder or file it was read from. */
  readonly path: string;
}

export const isTextItem = (item: TaskItem): item is TextItem => 'text' in item;
export const isChoiceItem = (item: TaskItem): item is ChoiceItem => 'choices' in item;
export const isWrittenItem = (item: TaskItem): item is WrittenItem => 'answers' in item;

export type ItemKind = 'choice' | 'text' | 'written';
export const KIND_WORDS: Readonly<Record<ItemKind, string>> = {
  choice: 'multiple-choice item',
  text: 'text',
  written: 'written item',
};
export const kindOf = (item: TaskItem): ItemKind =>
  isTextItem(item) ? 'text' : isChoiceItem(item) ? 'choice' : 'written';

/** What a metric measures. */
export const measuredKind = (metric: MetricName): ItemKind => {
  switch (metric) {
    case 'acc':
    case 'acc_norm':
      return 'choice';
    case 'perplexity':
      return 'text';
    case 'exact_match':
      return 'written';
    default:
      return assertNever(metric);
  }
};

/**
 * What a profile reads of an item: context and right answer (the first, where several are right) as they stand, or the
 * text.
 * A written twin is profiled as the items that it is made of, so that both kinds measure the same plans.
 */
export const profiledText = (item: TaskItem): string => {
  if (isTextItem(item)) return item.text;
  return item.context + ((isChoiceItem(item) ? item.choices[item.answer] : (item.profiled ?? item.answers[0])) ?? '');
};

/** Accuracy of guessing: mean of 1 / choices; null for texts and for what is written. */
export const chanceAccuracy = (items: readonly TaskItem[]): number | null => {
  if (items.length === 0 || !items.every(isChoiceItem)) return null;
  return items.reduce((sum, item) => sum + 1 / item.choices.length, 0) / items.length;
};

/** Names appear in tensor names, file names and tables. */
const TASK_NAME = /^[^\s/\\\p{C}](?:[^/\\\p{C}]{0,126}[^\s/\\\p{C}])?$/u;

/** The name itself; refuses one that cannot be used, which `location` gave. */
export const checkTaskName = (name: string, location: string): string => {
  if (!TASK_NAME.test(name)) {
    throw refuse(
      'bad-task',
      `${location}: the name ${JSON.stringify(name)} cannot be used.`,
      'Use 1 to 128 characters without slashes, control characters or outer spaces.',
    );
  }
  return name;
};
