import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { type MetricName, type TaskItem, taskMetadata, type TaskMetadata, type WrittenItem } from '../contract/task.ts';
import { parseForm } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import {
  DEFAULT_SEED,
  describeFewShot,
  drawExamples,
  type ExampleTurn,
  type PromptTurns,
  type TaskTurns,
} from './few-shot.ts';
import {
  compileJudging,
  DEFAULT_PIPELINES,
  ENDING_RULE,
  type Judging,
  pythonRule,
  requireOptions,
} from './generation/judging.ts';
import { cutAtStops, DEFAULT_NEW_TOKENS, type StopRule } from './generation/stop-rule.ts';
import { hashTask, requireAnswers, requireDocuments } from './items.ts';
import { readItems, readJsonLines } from './read-rows.ts';
import {
  checkTaskName,
  describedBy,
  isChoiceItem,
  isTextItem,
  isWrittenItem,
  type ItemKind,
  KIND_WORDS,
  kindOf,
  measuredKind,
  profiledText,
  rightChoices,
  type Task,
} from './task.ts';

const TURNS_LINE = 'A line is {"id","system","examples":[[question, answer], ...],"question","replies":[...]}.';

const turnsRow = z.object({
  id: boundedText,
  system: boundedText,
  examples: boundedList(z.tuple([boundedText, boundedText])),
  question: boundedText,
  replies: boundedList(boundedText),
});

interface Splits {
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
}

const readSplit = async (folder: string, split: string, items: readonly TaskItem[]): Promise<PromptTurns[]> => {
  const file = join(folder, `${split}.turns.jsonl`);
  const rows = items.length === 0 && !existsSync(file) ? [] : await readJsonLines(file, TURNS_LINE);
  if (rows.length !== items.length)
    throw refuse(
      'bad-task',
      `${file} has the turns of ${rows.length} items; ${split} has ${items.length}.`,
      'Import the task again.',
    );
  return rows.map(({ location, values }, index) => {
    const parsed = turnsRow.safeParse(values);
    if (!parsed.success)
      throw refuse('bad-item', `${location}: ${parsed.error.issues[0]?.message ?? 'no turns'}.`, TURNS_LINE);
    const { id, system, examples, question, replies } = parsed.data;
    if (id !== items[index]?.id)
      throw refuse('bad-item', `${location}: the turns of item "${id}" stand in another place.`, TURNS_LINE);
    return { system, question, replies, examples: examples.map(([asked, answer]) => ({ question: asked, answer })) };
  });
};

/**
 * The turns of a task folder's items, where it has them (`test.turns.jsonl`, `calibration.turns.jsonl`): the parts of
 * prompts that are texts in its other files, for chat templates. Null where it has none.
 */
const readTurns = async (folder: string, items: Splits): Promise<TaskTurns | null> => {
  if (!existsSync(join(folder, 'test.turns.jsonl'))) return null;
  const [calibration, test] = await Promise.all([
    readSplit(folder, 'calibration', items.calibration),
    readSplit(folder, 'test', items.test),
  ]);
  return { calibration, test };
};

/** A task.json takes a few hundred bytes; few-shot examples are in files of their own. */
const MAX_METADATA_BYTES = 2 ** 20;

const readMetadata = async (file: string): Promise<TaskMetadata> => {
  const text = await readTextIfThere(file, { mostBytes: MAX_METADATA_BYTES });
  if (text === null) throw refuse('missing-file', `${file} does not exist.`, 'Check the path.');
  const metadata = parseForm(text, taskMetadata, {
    whole: 'task',
    notJson: (reason, cause) => refuse('bad-task', `${file} is not JSON (${reason}).`, 'Repair the file.', cause),
    otherForm: (issue) =>
      refuse(
        'bad-task',
        `${file}: ${issue}.`,
        'It needs a name, and metric acc, acc_norm, perplexity, exact_match or ending (bleu, rouge, f1 and others ' +
          'are not measured).',
      ),
  });
  checkTaskName(metadata.name, file);
  return metadata;
};

/** A split's file: JSONL or Parquet, never both. */
const splitFile = (folder: string, split: string): string => {
  const [lines, parquet] = [join(folder, `${split}.jsonl`), join(folder, `${split}.parquet`)];
  if (!existsSync(parquet)) return lines;
  if (existsSync(lines))
    throw refuse('bad-task', `${folder} contains both ${split}.jsonl and ${split}.parquet.`, 'Keep one of them.');
  return parquet;
};

const checkMetric = (metric: MetricName, items: readonly TaskItem[], location: string): void => {
  const first = items[0];
  if (first === undefined || kindOf(first) === measuredKind(metric)) return;
  throw refuse(
    'metric-does-not-fit',
    `${location}: metric ${metric} does not fit ${KIND_WORDS[kindOf(first)]}s.`,
    `Use metric ${FITTING[kindOf(first)]}.`,
  );
};

const FITTING: Readonly<Record<ItemKind, string>> = {
  choice: 'acc or acc_norm',
  text: 'perplexity',
  written: 'exact_match, or ending',
};

/** Keys of task.json that say which texts are generated, and where they stop. */
const STOPPING_KEYS = ['itemsOf', 'until', 'maxNewTokens'] as const;

/** Keys of task.json that say how generated text is compared with right answers. */
const COMPARING_KEYS = [
  ...(['filters', 'regexes_to_ignore', 'ignore_case', 'ignore_punctuation', 'ignore_numbers'] as const),
  'judge' as const,
];

/** The judging rule of a task of written answers; null for others, which must not have any of its keys. */
const judgingOf = (metadata: TaskMetadata, file: string): Judging | null => {
  if (metadata.metric === 'exact_match' && metadata.judge !== undefined) {
    const used = COMPARING_KEYS.find((key) => key !== 'judge' && metadata[key] !== undefined);
    if (used === undefined) return compileJudging(pythonRule(metadata.judge), file);
    throw refuse('bad-task', `${file}: judge and ${used} are both given.`, 'Keep one of them.');
  }
  if (metadata.metric === 'exact_match') {
    const { regexes_to_ignore, ignore_case, ignore_punctuation, ignore_numbers } = metadata;
    return compileJudging(
      {
        pipelines: metadata.filters ?? DEFAULT_PIPELINES,
        exactMatch: { regexes_to_ignore, ignore_case, ignore_punctuation, ignore_numbers },
      },
      file,
    );
  }
  const isByEnding = metadata.metric === 'ending';
  const misplaced = isByEnding ? COMPARING_KEYS : [...STOPPING_KEYS, ...COMPARING_KEYS];
  const used = misplaced.find((key) => metadata[key] !== undefined);
  if (used === undefined) return isByEnding ? compileJudging(ENDING_RULE, file) : null;
  throw refuse(
    'metric-does-not-fit',
    `${file}: ${used} is for ${isByEnding ? 'answers that are compared' : 'generated text'}, but the metric is ` +
      `${metadata.metric}.`,
    'Use metric exact_match, or remove the key.',
  );
};

/** The items of another folder as written items, with each right choice as the answer. */
const writtenTwins = (items: readonly TaskItem[], stop: StopRule, file: string): readonly WrittenItem[] =>
  items.map((item) => {
    if (!isChoiceItem(item))
      throw refuse(
        'bad-task',
        `${file}: item "${item.id}" of itemsOf has no choices.`,
        'Name a folder of multiple-choice items.',
      );
    const [right = '', ...others] = rightChoices(item);
    const [answer = '', ...more] = [right, ...others].map((choice) => cutAtStops(choice, stop.until));
    if (answer === '' || more.includes(''))
      throw refuse(
        'bad-item',
        `${file}: the right choice of item "${item.id}" begins with a stop string, so its answer is empty.`,
        'Choose other stop strings.',
      );
    const twin = {
      id: item.id,
      context: item.context,
      answers: [answer, ...more],
      until: stop.until,
      maxNewTokens: stop.maxNewTokens,
    };
    return answer === right ? twin : { ...twin, profiled: right };
  });

const readSplits = async (folder: string, metadata: TaskMetadata, file: string): Promise<Splits> => {
  const { until = [metadata.fewshotDelimiter ?? '\n\n'], maxNewTokens = DEFAULT_NEW_TOKENS, itemsOf } = metadata;
  const stop = { until, maxNewTokens };
  if (itemsOf !== undefined && existsSync(splitFile(folder, 'test')))
    throw refuse(
      'bad-task',
      `${file}: itemsOf is given, but the folder contains items of its own.`,
      'Remove one of them.',
    );
  const source = itemsOf === undefined ? folder : resolve(folder, itemsOf);
  // A folder of test items only can be given calibration items, as a file of items can.
  const calibrationFile = splitFile(source, 'calibration');
  const [calibration, test] = await Promise.all([
    existsSync(calibrationFile) ? readItems(calibrationFile, stop) : [],
    readItems(splitFile(source, 'test'), stop),
  ]);
  if (itemsOf === undefined) return { calibration, test };
  return { calibration: writtenTwins(calibration, stop, file), test: writtenTwins(test, stop, file) };
};

/** Refuses an id or a text in both splits, which would let test items enter a profile. */
const checkSplits = ({ calibration, test }: Splits, folder: string): void => {
  const ids = new Set(calibration.map((item) => item.id));
  const texts = new Map(calibration.map((item) => [profiledText(item), item.id]));
  for (const item of test) {
    if (ids.has(item.id)) {
      throw refuse(
        'shared-splits',
        `${folder}: id "${item.id}" is in calibration.jsonl and in test.jsonl.`,
        'Keep each item in one split, with an id of its own.',
      );
    }
    const twin = texts.get(profiledText(item));
    if (twin !== undefined) {
      throw refuse(
        'shared-splits',
        `${folder}: test item "${item.id}" has the text of calibration item "${twin}".`,
        'Keep each text in one split.',
      );
    }
  }
};

/** Every item as one user turn, after the turns of the examples. */
export const turnsOf = (items: readonly TaskItem[], examples: readonly TaskItem[]): readonly PromptTurns[] => {
  const shown = examples.map((example): ExampleTurn =>
    isTextItem(example)
      ? { question: '', answer: '' }
      : { question: example.context, answer: profiledText(example).slice(example.context.length) },
  );
  return items.map((item) => ({
    system: '',
    examples: shown,
    question: isTextItem(item) ? item.text : item.context,
    replies: isChoiceItem(item) ? item.choices : isWrittenItem(item) ? item.answers : [],
  }));
};

interface Prompted extends Splits {
  readonly turns: TaskTurns | null;
  readonly note: string;
}

/**
 * Puts the same examples before every item and removes them from the calibration split, so that no item is read after
 * its own answer.
 */
const withExamples = async (
  metadata: TaskMetadata,
  { calibration, test }: Splits,
  folder: string,
): Promise<Prompted> => {
  const file = join(folder, 'task.json');
  const count = metadata.fewshot ?? 0;
  if (count === 0) return { calibration, test, note: '', turns: await readTurns(folder, { calibration, test }) };
  if (calibration.some(isTextItem) || test.some(isTextItem))
    throw refuse('bad-task', `${file}: fewshot is ${count} for texts.`, 'Remove it: a text has no examples.');
  const fewShot = { count, seed: metadata.seed ?? DEFAULT_SEED };
  const { examples, rest } = drawExamples(calibration, fewShot, file);
  const prefix = examples.map((example) => profiledText(example) + (metadata.fewshotDelimiter ?? '\n\n')).join('');
  const prompted = (item: TaskItem): TaskItem =>
    isTextItem(item) ? item : { ...item, context: prefix + item.context };
  return {
    calibration: rest.map(prompted),
    test: test.map(prompted),
    note: describeFewShot(fewShot),
    turns: { calibration: turnsOf(rest, examples), test: turnsOf(test, examples) },
  };
};

/**
 * Loads a task folder: `task.json`, with `calibration` and `test` as .jsonl or .parquet. Refuses splits that share an
 * id or a text, a metric that does not fit, and more few-shot examples than there are.
 */
export const loadTaskFolder = async (folder: string): Promise<Task> => {
  const file = join(folder, 'task.json');
  const metadata = await readMetadata(file);
  const judging = judgingOf(metadata, file);
  const plain = await readSplits(folder, metadata, file);
  checkMetric(metadata.metric, plain.calibration, file);
  checkMetric(metadata.metric, plain.test, file);
  if (metadata.judge !== undefined) {
    requireDocuments([...plain.calibration, ...plain.test], folder);
  } else if (metadata.metric === 'exact_match' || (metadata.fewshot ?? 0) > 0) {
    requireAnswers(plain.calibration, folder);
    requireAnswers(plain.test, folder);
  }
  checkSplits(plain, folder);
  const { calibration, test, note, turns } = await withExamples(metadata, plain, folder);
  if (judging !== null) requireOptions(judging.rule, test.filter(isWrittenItem), folder);
  const task = {
    name: metadata.name,
    title: metadata.title ?? metadata.name,
    description: describedBy(metadata.description ?? '', note),
    metric: metadata.metric,
    source: metadata.source ?? '',
    licence: metadata.licence ?? '',
    withoutQuestion: metadata.withoutQuestion ?? {},
    calibration,
    test,
    turns,
    hash: hashTask(metadata.metric, calibration, test, judging?.rule),
    ...(metadata.harness === undefined ? {} : { harness: metadata.harness }),
    path: folder,
  };
  return judging === null ? task : { ...task, judging };
};
