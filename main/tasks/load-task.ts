import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import type { MetricName } from '../contract/task.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { explainingReads, explainReadError, readUnchanged } from '../files/regular-file.ts';
import {
  isTaskDocument,
  loadTaskDocument,
  pathsOf,
  readTaskDocument,
  resolvedDocument,
} from './calibration/task-document.ts';
import { compileJudging, DEFAULT_PIPELINES, ENDING_RULE } from './generation/judging.ts';
import { hashTask, requireAnswers } from './items.ts';
import { loadTaskFolder } from './load-task-folder.ts';
import { loadTextFile, loadTextFolder } from './load-text-task.ts';
import { readItems } from './read-rows.ts';
import { loadSuperGlue } from './superglue/load-superglue.ts';
import { checkTaskName, isTextItem, isWrittenItem, type Task } from './task.ts';

const SHAPES =
  'A task is a folder with task.json, calibration.jsonl and test.jsonl; a SuperGLUE folder with train.jsonl and ' +
  'val.jsonl; a folder with train.txt and test.txt; or a .jsonl, .parquet or .txt file.';

/** A task document of lm-evaluation-harness: its own Python reads it. */
const ofHarness = (file: string): Error =>
  refuse(
    'yaml-task',
    `${file} is a task of lm-evaluation-harness, whose own Python must build its prompts.`,
    'Import it once (uncurl import FILE), and open the task folder that it makes. "uncurl doctor --python" makes an ' +
      'environment that can.',
  );

/** Loads a file of items, which can be scored but has nothing to profile. */
const loadItemFile = async (file: string): Promise<Task> => {
  const name = checkTaskName(basename(file, extname(file)), file);
  const test = await readItems(file);
  const facts = { name, title: name, description: '', source: '', licence: '', calibration: [], test, path: file };
  if (test.every(isWrittenItem)) {
    const isByEnding = test.every(({ answers }) => answers.length === 0);
    if (!isByEnding) requireAnswers(test, file);
    const judging = compileJudging(isByEnding ? ENDING_RULE : { pipelines: DEFAULT_PIPELINES, exactMatch: {} }, file);
    const metric: MetricName = isByEnding ? 'ending' : 'exact_match';
    return { ...facts, metric, judging, hash: hashTask(metric, [], test, judging.rule) };
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
      throw ofHarness(file);
    default:
      throw refuse('bad-task', `${file} is neither a task folder nor a .jsonl, .parquet or .txt file.`, SHAPES);
  }
};

const loadFolder = async (folder: string): Promise<Task> => {
  const names = new Set(await readdir(folder));
  if (names.has('task.json')) return loadTaskFolder(folder);
  // A document that describes the files beside it takes precedence over their form.
  const documents = [...names].filter((name) => /\.ya?ml$/i.test(name)).sort();
  const [only] = documents;
  if (documents.length === 1 && only !== undefined) throw ofHarness(join(folder, only));
  if (documents.length > 1)
    throw refuse('bad-task', `${folder} contains several YAML files: ${documents.join(', ')}.`, 'Open one of them.');
  if (names.has('train.jsonl') && names.has('val.jsonl')) return loadSuperGlue(folder);
  if (names.has('train.txt') && names.has('test.txt')) return loadTextFolder(folder);
  throw refuse('missing-file', `${join(folder, 'task.json')} does not exist.`, SHAPES);
};

/** Limit for a chain of documents that each take calibration items from the next. */
const MOST_DOCUMENTS = 4;

/** Resolves a name without a path (`bundled:NAME`); returns anything else unchanged. */
export type PathResolver = (path: string) => string;
const asItIs: PathResolver = (path) => path;

/**
 * Reads a task in any of its forms (see SHAPES), by a file's extension or the names in a folder. Refuses invalid tasks,
 * naming file, line or row, and key; test items are never in the calibration split. Refuses a task whose files change
 * while they are read (`changed-while-read`). `note` is told the files that were read, before that is checked.
 */
export const loadTask = (
  path: string,
  named: PathResolver = asItIs,
  note: (task: Task, files: readonly string[]) => Promise<void> = () => Promise.resolve(),
): Promise<Task> => {
  const absolute = resolve(path);
  const read = async (files: () => readonly string[]): Promise<Task> => {
    const task = await loadFrom(absolute, named, 0);
    await note(task, files());
    return task;
  };
  return explainingReads(absolute, () => readUnchanged(read));
};

/** Files from which a task is read beside its own path: those named in a task document. */
export const furtherPaths = async (path: string, named: PathResolver): Promise<readonly string[]> =>
  isTaskDocument(path) ? pathsOf(resolvedDocument(path, await readTaskDocument(path), named)) : [];

const loadFrom = async (absolute: string, named: PathResolver, depth: number): Promise<Task> => {
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
  const task = await (isFolder
    ? loadFolder(absolute)
    : isTaskDocument(absolute)
      ? loadDocument(absolute, named, depth)
      : loadFile(absolute));
  checkTaskName(task.name, absolute);
  return task;
};

const loadDocument = (file: string, named: PathResolver, depth: number): Promise<Task> => {
  if (depth >= MOST_DOCUMENTS)
    throw refuse(
      'bad-task',
      `${file} takes its calibration items through more than ${MOST_DOCUMENTS} task documents.`,
      'Name a task with calibration items of its own.',
    );
  return loadTaskDocument(file, named, (path) => loadFrom(path, named, depth + 1));
};
