import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { MetricName } from '../contract/task.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { explainingReads, explainReadError } from '../files/regular-file.ts';
import { compileJudging, DEFAULT_PIPELINES } from './generation/judging.ts';
import { loadHarnessTask } from './harness/load-harness-task.ts';
import { hashTask } from './items.ts';
import { loadTaskFolder } from './load-task-folder.ts';
import { loadTextFile, loadTextFolder } from './load-text-task.ts';
import { readItems } from './read-items.ts';
import { loadSuperGlue } from './superglue/load-superglue.ts';
import { checkTaskName, isTextItem, isWrittenItem, type Task } from './task.ts';

const SHAPES =
  'A task is a folder with task.json, calibration.jsonl and test.jsonl; a SuperGLUE folder with train.jsonl ' +
  'and val.jsonl; ' +
  'a folder with train.txt and test.txt; a YAML task of lm-evaluation-harness; or a .jsonl, .parquet or .txt file.';

/** Items alone: they can be scored, but there is nothing to profile. */
const loadItemFile = async (file: string): Promise<Task> => {
  const name = checkTaskName(basename(file, extname(file)), file);
  const test = await readItems(file);
  const facts = { name, title: name, description: '', source: '', licence: '', calibration: [], test, path: file };
  if (test.every(isWrittenItem)) {
    const judging = compileJudging({ pipelines: DEFAULT_PIPELINES, exactMatch: {} }, file);
    return { ...facts, metric: 'exact_match', judging, hash: hashTask('exact_match', [], test, judging.rule) };
  }
  const metric: MetricName = test.every(isTextItem) ? 'perplexity' : 'acc';
  return { ...facts, metric, hash: hashTask(metric, [], test) };
};

const loadFile = async (file: string): Promise<Task> => {
  switch (extname(file).toLowerCase()) {
    case '.jsonl':
    case '.parquet':
      return loadItemFile(file);
    case '.txt':
      return loadTextFile(file);
    case '.yaml':
    case '.yml':
      return loadHarnessTask(file);
    default:
      throw refuse('bad-task', `${file} is neither a task folder nor a .jsonl, .parquet, .txt or .yaml file.`, SHAPES);
  }
};

const loadFolder = async (folder: string): Promise<Task> => {
  const names = new Set(await readdir(folder));
  if (names.has('task.json')) return loadTaskFolder(folder);
  // A document that says what the files beside it are goes before their shapes.
  const documents = [...names].filter((name) => /\.ya?ml$/i.test(name)).sort();
  const [only] = documents;
  if (documents.length === 1 && only !== undefined) return loadHarnessTask(join(folder, only));
  if (documents.length > 1)
    throw refuse('bad-task', `${folder} holds several YAML files: ${documents.join(', ')}.`, 'Open one of them.');
  if (names.has('train.jsonl') && names.has('val.jsonl')) return loadSuperGlue(folder);
  if (names.has('train.txt') && names.has('test.txt')) return loadTextFolder(folder);
  throw refuse('missing-file', `${join(folder, 'task.json')} does not exist.`, SHAPES);
};

/**
 * Reads a task from whatever describes one (see SHAPES), by the extension of a file or the names in a folder. Whatever
 * is wrong is refused with file, line or row, and key; test items never stand in the calibration split.
 */
export const loadTask = (path: string): Promise<Task> => {
  const absolute = resolve(path);
  return explainingReads(absolute, () => loadFrom(absolute));
};

const loadFrom = async (absolute: string): Promise<Task> => {
  let isFolder: boolean;
  try {
    isFolder = (await stat(absolute)).isDirectory();
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') {
      throw refuse(
        'missing-task',
        `${absolute} does not exist.`,
        'Name a task folder, a task file or a bundled task.',
        error,
      );
    }
    throw explainReadError(error, absolute);
  }
  const task = await (isFolder ? loadFolder(absolute) : loadFile(absolute));
  checkTaskName(task.name, absolute);
  return task;
};
