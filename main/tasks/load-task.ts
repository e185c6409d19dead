import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { taskMetadata, type MetricName, type TaskItem, type TaskMetadata } from '../contract/task.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';
import { hashTask } from './hash-items.ts';
import { readItems } from './read-items.ts';
import { isTextItem, profiledText, type Task } from './task.ts';

/** Names appear in tensor names, file names and tables. */
const TASK_NAME = /^[^\s/\\\p{C}](?:[^/\\\p{C}]{0,126}[^\s/\\\p{C}])?$/u;

const readMetadata = async (file: string): Promise<TaskMetadata> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') {
      throw refuse('missing-file', `${file} does not exist.`, 'A task folder holds task.json, calibration.jsonl and test.jsonl.', error);
    }
    throw explainFileError(error, file);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse('bad-task', `${file} is not JSON (${cause instanceof Error ? cause.message : String(cause)}).`, 'Repair the file.', cause);
  }
  const parsed = taskMetadata.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refuse('bad-task', `${file}: ${issue === undefined ? 'not a task' : `${issue.path.join('.') || 'task'}: ${issue.message}`}.`, 'It needs a name, and metric acc, acc_norm or perplexity.');
  }
  if (!TASK_NAME.test(parsed.data.name)) {
    throw refuse('bad-task', `${file}: the name ${JSON.stringify(parsed.data.name)} cannot be used.`, 'Use 1 to 128 characters without slashes, control characters or outer spaces.');
  }
  return parsed.data;
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
      throw refuse('shared-splits', `${folder}: id "${item.id}" is in calibration.jsonl and in test.jsonl.`, 'Keep each item in one split, with an id of its own.');
    }
    const twin = texts.get(profiledText(item));
    if (twin !== undefined) {
      throw refuse('shared-splits', `${folder}: test item "${item.id}" has the text of calibration item "${twin}".`, 'Keep each text in one split.');
    }
  }
};

const loadFolder = async (folder: string): Promise<Task> => {
  const metadata = await readMetadata(join(folder, 'task.json'));
  const calibration = await readItems(join(folder, 'calibration.jsonl'));
  const test = await readItems(join(folder, 'test.jsonl'));
  checkMetric(metadata.metric, calibration, join(folder, 'calibration.jsonl'));
  checkMetric(metadata.metric, test, join(folder, 'test.jsonl'));
  checkSplits(calibration, test, folder);
  return {
    name: metadata.name,
    title: metadata.title ?? metadata.name,
    description: metadata.description ?? '',
    metric: metadata.metric,
    source: metadata.source ?? '',
    licence: metadata.licence ?? '',
    calibration,
    test,
    hash: hashTask(metadata.metric, calibration, test),
    path: folder,
  };
};

const loadFile = async (file: string): Promise<Task> => {
  const name = basename(file, '.jsonl');
  if (!TASK_NAME.test(name)) throw refuse('bad-task', `${file}: its name cannot be used as a task's.`, 'Rename the file.');
  const test = await readItems(file);
  const metric: MetricName = test.every(isTextItem) ? 'perplexity' : 'acc';
  return { name, title: name, description: '', metric, source: '', licence: '', calibration: [], test, hash: hashTask(metric, [], test), path: file };
};

/**
 * A task folder (`task.json`, `calibration.jsonl`, `test.jsonl`) or a `.jsonl` file (test items only). Refuses whatever
 * is wrong with file, line and id (see readItems), splits that share an id or a text, and a metric that does not fit.
 */
export const loadTask = async (path: string): Promise<Task> => {
  const absolute = resolve(path);
  let isFolder: boolean;
  try {
    isFolder = (await stat(absolute)).isDirectory();
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') {
      throw refuse('missing-task', `${absolute} does not exist.`, 'Name a task folder, a JSONL file or a bundled task.', error);
    }
    throw explainFileError(error, absolute);
  }
  if (isFolder) return loadFolder(absolute);
  if (!absolute.endsWith('.jsonl')) {
    throw refuse('bad-task', `${absolute} is neither a task folder nor a .jsonl file.`, 'Name a task folder, a JSONL file or a bundled task.');
  }
  return loadFile(absolute);
};
