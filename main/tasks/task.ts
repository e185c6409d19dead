import { refuse } from '../contract/errors.ts';
import type { Sampler } from '../contract/sampling.ts';
import type { ChoiceItem, HarnessOrigin, MetricName, TaskItem, TextItem, WrittenItem } from '../contract/task.ts';
import type { Judging } from './generation/judging.ts';
import type { TaskTurns } from './few-shot.ts';

/** A task in memory. A plain JSONL file has no calibration items: it can be scored but not profiled. */
export interface Task {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly metric: MetricName;
  readonly source: string;
  readonly licence: string;
  /** Accuracy without the question, by model name, as stated in the task's folder. */
  readonly withoutQuestion?: Readonly<Record<string, number>>;
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
  /** How generated text is judged; only for tasks of written items. */
  readonly judging?: Judging;
  /** Draws the tokens of written answers; absent: the likeliest is taken. */
  readonly sampler?: Sampler;
  /** Turns of the items' contexts; absent or null if each is one text, which a chat receives as a single user turn. */
  readonly turns?: TaskTurns | null;
  /**
   * SHA-256 over metric, items and judging rule: tasks with the same hash are the same task, wherever they are stored.
   */
  readonly hash: string;
  /** Present where lm-evaluation-harness built the prompts, as plain text. */
  readonly harness?: HarnessOrigin;
  /** The folder or file from which it was read. */
  readonly path: string;
}

export const isTextItem = (item: TaskItem): item is TextItem => 'text' in item;
export const isChoiceItem = (item: TaskItem): item is ChoiceItem => 'choices' in item;
export const isWrittenItem = (item: TaskItem): item is WrittenItem => 'answers' in item;

/** Texts of an item's right choices; the first is the one that a profile reads. */
export const rightChoices = ({ choices, answer, alsoRight = [] }: ChoiceItem): readonly string[] =>
  [answer, ...alsoRight].flatMap((choice) => choices[choice] ?? []);

export type ItemKind = 'choice' | 'text' | 'written';
export const KIND_WORDS: Readonly<Record<ItemKind, string>> = {
  choice: 'multiple-choice item',
  text: 'text',
  written: 'written item',
};
export const kindOf = (item: TaskItem): ItemKind =>
  isTextItem(item) ? 'text' : isChoiceItem(item) ? 'choice' : 'written';

const measuredKinds: Readonly<Record<MetricName, ItemKind>> = {
  acc: 'choice',
  acc_norm: 'choice',
  perplexity: 'text',
  exact_match: 'written',
  ending: 'written',
};

/** The kind of items that a metric measures. */
export const measuredKind = (metric: MetricName): ItemKind => measuredKinds[metric];

/**
 * The text of an item that a profile reads: context and right answer (the first of several), or the text. A written
 * twin is profiled as its multiple-choice items, so that both kinds measure the same plans.
 */
export const profiledText = (item: TaskItem): string => {
  if (isTextItem(item)) return item.text;
  return item.context + ((isChoiceItem(item) ? item.choices[item.answer] : (item.profiled ?? item.answers[0])) ?? '');
};

/** Accuracy of guessing: mean of right choices / choices; null for texts and written answers. */
export const chanceAccuracy = (items: readonly TaskItem[]): number | null => {
  if (items.length === 0 || !items.every(isChoiceItem)) return null;
  return items.reduce((sum, item) => sum + (1 + (item.alsoRight?.length ?? 0)) / item.choices.length, 0) / items.length;
};

/** A description of these sentences; empty ones are left out. */
export const describedBy = (...sentences: readonly string[]): string =>
  sentences.filter((sentence) => sentence !== '').join(' ');

/** Names appear in tensor names, file names and tables. */
const TASK_NAME = /^[^\s/\\\p{C}](?:[^/\\\p{C}]{0,126}[^\s/\\\p{C}])?$/u;

/** Returns the name; refuses one that cannot be used, which came from `location`. */
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

/**
 * Written items that are written several times: the first keeps its id, the others add their number to it, and all name
 * the item as their group.
 */
export const repeatedItems = (items: readonly TaskItem[], repeats: number): readonly TaskItem[] =>
  repeats === 1
    ? items
    : items.flatMap((item): readonly TaskItem[] =>
        isWrittenItem(item)
          ? Array.from({ length: repeats }, (_, repeat) => ({
              ...item,
              id: repeat === 0 ? item.id : `${item.id} (repeat ${repeat + 1})`,
              group: item.id,
              repeat,
            }))
          : [item],
      );

/** The id of the item that a repeat is of; an id that names no repeat is its own. */
export const itemOfRepeat = (id: string): string => id.replace(/ \(repeat \d+\)$/, '');
