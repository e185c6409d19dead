import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { type ChoiceItem, type MetricName, type TaskItem, taskMetadata, type TaskMetadata } from '../contract/task.ts';
import { explainFileError } from '../files/file-errors.ts';
import { DEFAULT_SEED, describeFewShot, drawExamples } from './few-shot.ts';
import { hashTask } from './items.ts';
import { readItems } from './read-items.ts';
import { checkTaskName, isChoiceItem, isTextItem, profiledText, type Task } from './task.ts';

const readMetadata = async (file: string): Promise<TaskMetadata> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw explainFileError(error, file);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse(
      'bad-task',
      `${file} is not JSON (${cause instanceof Error ? cause.message : String(cause)}).`,
      'Repair the file.',
      cause,
    );
  }
  const parsed = taskMetadata.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refuse(
      'bad-task',
      `${file}: ${issue === undefined ? 'not a task' : `${issue.path.join('.') || 'task'}: ${issue.message}`}.`,
      'It needs a name, and metric acc, acc_norm or perplexity.',
    );
  }
  checkTaskName(parsed.data.name, file);
  return parsed.data;
};

/** A split's file: JSONL or Parquet, never both. */
const splitFile = (folder: string, split: string): string => {
  const [lines, parquet] = [join(folder, `${split}.jsonl`), join(folder, `${split}.parquet`)];
  if (!existsSync(parquet)) return lines;
  if (existsSync(lines))
    throw refuse('bad-task', `${folder} holds both ${split}.jsonl and ${split}.parquet.`, 'Keep one of them.');
  return parquet;
};

const checkMetric = (metric: MetricName, items: readonly TaskItem[], place: string): void => {
  const first = items[0];
  if (first === undefined || isTextItem(first) === (metric === 'perplexity')) return;
  throw refuse(
    'metric-does-not-fit',
    `${place}: metric ${metric} does not fit ${isTextItem(first) ? 'texts' : 'multiple-choice items'}.`,
    isTextItem(first) ? 'Use metric perplexity.' : 'Use metric acc or acc_norm.',
  );
};

/** Test items must never enter a profile: an id or a text in both splits would let them. */
const checkSplits = (calibration: readonly TaskItem[], test: readonly TaskItem[], folder: string): void => {
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

interface Prompted {
  readonly calibration: readonly TaskItem[];
  readonly test: readonly TaskItem[];
  readonly note: string;
}

/** Puts the same examples before every item; they leave the calibration split, so that no item is read after its own answer. */
const withExamples = (
  metadata: TaskMetadata,
  calibration: readonly TaskItem[],
  test: readonly TaskItem[],
  file: string,
): Prompted => {
  const count = metadata.fewshot ?? 0;
  if (count === 0) return { calibration, test, note: '' };
  if (!calibration.every(isChoiceItem) || !test.every(isChoiceItem))
    throw refuse('bad-task', `${file}: fewshot is ${String(count)} for texts.`, 'Remove it: a text has no examples.');
  const fewShot = { count, seed: metadata.seed ?? DEFAULT_SEED, order: 'drawn' } as const;
  const { examples, rest } = drawExamples(calibration, fewShot, file);
  const prefix = examples.map((example) => profiledText(example) + (metadata.fewshotDelimiter ?? '\n\n')).join('');
  const prompted = (item: ChoiceItem): ChoiceItem => ({ ...item, context: prefix + item.context });
  return {
    calibration: rest.map(prompted),
    test: test.map(prompted),
    note: describeFewShot(fewShot, 'the calibration split'),
  };
};

/**
 * A task folder: `task.json`, and `calibration` and `test` as .jsonl or .parquet. Refuses splits that share an id or a
 * text, a metric that does not fit, more few-shot examples than there are.
 */
export const loadTaskFolder = async (folder: string): Promise<Task> => {
  const metadata = await readMetadata(join(folder, 'task.json'));
  const [calibrationFile, testFile] = [splitFile(folder, 'calibration'), splitFile(folder, 'test')];
  const plainCalibration = await readItems(calibrationFile);
  const plainTest = await readItems(testFile);
  checkMetric(metadata.metric, plainCalibration, calibrationFile);
  checkMetric(metadata.metric, plainTest, testFile);
  checkSplits(plainCalibration, plainTest, folder);
  const { calibration, test, note } = withExamples(metadata, plainCalibration, plainTest, join(folder, 'task.json'));
  return {
    name: metadata.name,
    title: metadata.title ?? metadata.name,
    description: [metadata.description ?? '', note].filter((sentence) => sentence !== '').join(' '),
    metric: metadata.metric,
    source: metadata.source ?? '',
    licence: metadata.licence ?? '',
    calibration,
    test,
    hash: hashTask(metadata.metric, calibration, test),
    path: folder,
  };
};
