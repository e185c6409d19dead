import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import {
  choiceItem,
  type ChoiceItem,
  type MetricName,
  type TaskItem,
  textItem,
  type WrittenItem,
  writtenRow,
} from '../contract/task.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { contentHash } from '../files/checksums.ts';
import { firstIssue } from '../files/parse-json.ts';
import type { JudgingRule } from './generation/judging.ts';
import type { StopRule } from './generation/stop-rule.ts';

/** One record of a data file. */
export interface DataRow {
  /** File and line (JSONL) or row (Parquet), for error messages. */
  readonly location: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** More items than any published benchmark; their outcomes are kept in memory per candidate. */
export const MAX_ITEMS = 1_000_000;

/** Every choice is a separate sequence; published tasks have at most a few dozen. */
const MAX_CHOICES = 1_000;

export const EXPECTED_ITEM =
  'Each line is {"id","context","choices":[...],"answer":0}, {"id","context","answer":"..."} (or ' +
  '"answers":[...]), {"id","context"} (a prompt alone: metric ending) or {"id","text"}.';

/** Refuses an item with an answer outside its choices, with an empty choice, or with more than a thousand choices. */
export const checkChoices = (item: ChoiceItem, location: string): ChoiceItem => {
  if (item.choices.length > MAX_CHOICES) {
    throw refuse('bad-item', `${location}: has ${item.choices.length} choices (limit ${MAX_CHOICES}).`, 'Remove some.');
  }
  if (item.answer >= item.choices.length) {
    throw refuse(
      'bad-item',
      `${location}: answer ${item.answer} is outside its ${item.choices.length} choices.`,
      `The answer counts from 0 and must be at most ${item.choices.length - 1}.`,
    );
  }
  const right = [item.answer, ...(item.alsoRight ?? [])];
  if (right.some((choice, index) => choice >= item.choices.length || right.indexOf(choice) !== index)) {
    throw refuse(
      'bad-item',
      `${location}: alsoRight is ${JSON.stringify(item.alsoRight)} beside answer ${item.answer} of ` +
        `${item.choices.length} choices.`,
      'It names right choices beside the answer, each once, counted from 0.',
    );
  }
  for (const key of ['lengths', 'contexts'] as const) {
    const given = item[key];
    if (given !== undefined && given.length !== item.choices.length)
      throw refuse(
        'bad-item',
        `${location}: ${given.length} ${key} for ${item.choices.length} choices.`,
        `Give each choice one, or leave ${key} out.`,
      );
  }
  const empty = item.choices.indexOf('');
  if (empty >= 0) {
    throw refuse(
      'bad-item',
      `${location}: choice ${empty} is empty, so it has no log-probability.`,
      'Give every choice at least one character.',
    );
  }
  return item;
};

const faultOf = (error: z.ZodError, named: string): Error =>
  refuse('bad-item', `${named}: ${firstIssue(error, 'item')}.`, EXPECTED_ITEM);

const writtenItem = (values: Readonly<Record<string, unknown>>, stop: StopRule, named: string): WrittenItem => {
  const parsed = writtenRow.safeParse(values);
  if (!parsed.success) throw faultOf(parsed.error, named);
  const { id, context, answer, answers, options, document } = parsed.data;
  if (answer !== undefined && answers !== undefined)
    throw refuse('bad-item', `${named}: has both an answer and a list of answers.`, EXPECTED_ITEM);
  const right = answers ?? (answer === undefined ? [] : [answer]);
  const { until, maxNewTokens } = stop;
  return {
    id,
    context,
    answers: right,
    until,
    maxNewTokens,
    ...(options === undefined ? {} : { options }),
    ...(document === undefined ? {} : { document }),
  };
};

/**
 * Parses an item of a JSONL or Parquet file; `stop` is the rule for a written item. Refuses invalid items, naming their
 * location and id.
 */
export const itemOfRow = (values: Readonly<Record<string, unknown>>, location: string, stop: StopRule): TaskItem => {
  const named = typeof values['id'] === 'string' ? `${location} (id "${values['id']}")` : location;
  const isText = 'text' in values;
  if (isText && ('choices' in values || 'context' in values)) {
    throw refuse('bad-item', `${named}: has both a text and a context with choices.`, EXPECTED_ITEM);
  }
  if (!isText && !('choices' in values) && 'context' in values) return writtenItem(values, stop, named);
  const parsed = (isText ? textItem : choiceItem).safeParse(values);
  if (!parsed.success) throw faultOf(parsed.error, named);
  return 'text' in parsed.data ? parsed.data : checkChoices(parsed.data, named);
};

/** Refuses an item without the right answer that `exact_match` compares with; `location` names the file or folder. */
export const requireAnswers = (items: readonly TaskItem[], location: string): void => {
  const prompt = items.find((item) => 'answers' in item && item.answers.length === 0);
  if (prompt !== undefined)
    throw refuse(
      'bad-item',
      `${location}: item "${prompt.id}" has neither choices nor an answer.`,
      `Give every item an answer, or none and the metric ending. ${EXPECTED_ITEM}`,
    );
};

/** Refuses an item without the document that a task's own Python judges by; `location` names the folder. */
export const requireDocuments = (items: readonly TaskItem[], location: string): void => {
  const item = items.find((entry) => !('answers' in entry) || entry.document === undefined);
  if (item !== undefined)
    throw refuse(
      'bad-item',
      `${location}: item "${item.id}" has no document, by which the task's Python judges.`,
      'Import the task again.',
    );
};

/** A task's lists of items do not change, and each is part of many keys. */
const hashes = new WeakMap<readonly TaskItem[], string>();

/** SHA-256 (hexadecimal) over items in order, each reduced to the fields that affect results. */
export const hashItems = (items: readonly TaskItem[]): string => {
  const known = hashes.get(items);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const item of items) hash.update(canonicalJson(item)).update('\n');
  const made = hash.digest('hex');
  hashes.set(items, made);
  return made;
};

/**
 * Hash of a whole task: metric, both splits, and the rule that judges generated text. Name, title and path do not
 * change the measurement.
 */
export const hashTask = (
  metric: MetricName,
  calibration: readonly TaskItem[],
  test: readonly TaskItem[],
  judging?: JudgingRule,
): string => contentHash({ metric, calibration: hashItems(calibration), test: hashItems(test), judging });

/** A split without the items whose text is also in the test split. */
export interface Disjoint<T> {
  readonly kept: readonly T[];
  readonly leftOut: number;
}

/**
 * Removes test texts from the calibration split, since they must never enter a profile; published data repeats some
 * texts across splits. `textOf` is the text that a profile would read.
 */
export const leaveOutTestTexts = <T>(
  items: readonly T[],
  test: readonly T[],
  textOf: (item: T) => string,
): Disjoint<T> => {
  const texts = new Set(test.map(textOf));
  const kept = items.filter((item) => !texts.has(textOf(item)));
  return { kept, leftOut: items.length - kept.length };
};

/** Sentence about this for the task's description. */
export const describeLeftOut = (leftOut: number): string =>
  leftOut === 0
    ? ''
    : `${leftOut} calibration ${leftOut === 1 ? 'item was' : 'items were'} left out: ` +
      `${leftOut === 1 ? 'its text is' : 'their texts are'} among the test items.`;
