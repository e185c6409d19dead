import { createHash } from 'node:crypto';
import { basename, extname, join } from 'node:path';
import { calibrationAt, type CalibrationChoice, type RecordedCalibration } from '../../contract/calibration.ts';
import type { CallOutput } from '../../contract/calls.ts';
import { refuse, requireAsked, serialiseError } from '../../contract/errors.ts';
import { MAX_GIVEN_BYTES } from '../../contract/path-kind.ts';
import type { RunManifest } from '../../contract/run.ts';
import type { TaskEntry, TaskItem } from '../../contract/task.ts';
import { makeFolder } from '../../files/file-errors.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { requireNoCalibration } from '../../tasks/calibration/calibrated-task.ts';
import {
  calibrate,
  isTaskDocument,
  readTaskDocument,
  resolvedDocument,
  type TaskDocument,
  writeTaskDocument,
} from '../../tasks/calibration/task-document.ts';
import { isTextItem, isWrittenItem } from '../../tasks/task.ts';
import { actualPath, recordedPath } from '../../workspace/library.ts';
import { changedSinceRun } from '../changed-since.ts';
import type { Answers, AnswersTo, EngineContext } from '../engine-context.ts';
import { forget } from '../forget.ts';

/** Reads the task document at a path and makes its paths absolute; null for any other task. */
const taskDocumentAt = async (
  { bundled }: Pick<EngineContext, 'bundled'>,
  path: string,
): Promise<TaskDocument | null> =>
  isTaskDocument(path)
    ? resolvedDocument(path, await readTaskDocument(path), (named) => actualPath(named, bundled.tasks))
    : null;

/** Describes a choice of calibration items for the page; undefined where a task has none or brings its own. */
const calibratedOf = async (
  context: Pick<EngineContext, 'bundled' | 'handles'>,
  path: string,
): Promise<TaskEntry['calibrated']> => {
  const document = await taskDocumentAt(context, path);
  if (document === null) return undefined;
  const { items, calibration } = document;
  return { items, choice: calibrationAt(calibration, context.handles.issue) };
};

export const entryOf = async (
  context: EngineContext,
  path: string,
  runs: readonly RunManifest[],
): Promise<TaskEntry> => {
  const bundled = [...context.bundled.tasks.values()].includes(path);
  const common = { handle: context.handles.issue(path), path, bundled };
  try {
    const { profiled: _profiled, ...facts } = await context.taskFacts(path);
    const changed = changedSinceRun(runs, 'tasks', recordedPath(path, context.bundled.tasks), facts.hash);
    const calibrated = await calibratedOf(context, path);
    return { ...common, ...facts, calibrated, error: null, ...(changed === undefined ? {} : { changed }) };
  } catch (error) {
    const { code, message, remedy } = serialiseError(error);
    const problem =
      code === 'missing-task'
        ? `Moved or deleted: ${path}. Open it where it is now, and forget this one.`
        : `${message} ${remedy}`;
    // A file with chosen calibration items goes by its own name. The document with the choice may be what is broken.
    const items = await taskDocumentAt(context, path).then(
      (document) => document?.items ?? path,
      () => path,
    );
    const name = basename(items, extname(items));
    return {
      ...common,
      name,
      title: name,
      description: '',
      metric: 'acc',
      source: '',
      licence: '',
      items: { calibration: 0, test: 0 },
      chance: null,
      withoutQuestion: {},
      hash: null,
      error: problem,
    };
  }
};

const previewOf = (item: TaskItem): CallOutput<'tasks.preview'>[number] => {
  if (isTextItem(item)) return { id: item.id, context: item.text, choices: [], answer: null };
  // A written task has its right answers instead of choices; a profile reads the first.
  const { id, context } = item;
  if (isWrittenItem(item))
    return { id, context, choices: [...item.answers], answer: item.answers.length === 0 ? null : 0 };
  const { choices, answer, alsoRight } = item;
  return { id, context, choices, answer, ...(alsoRight === undefined ? {} : { alsoRight }) };
};

/** Opens the task at a path and remembers it. */
export const openTask = async (context: EngineContext, path: string, signal: AbortSignal): Promise<TaskEntry> => {
  const { workspace, bundled } = context;
  const { hash } = await context.task(path);
  requireAsked(signal);
  const isBundled = [...bundled.tasks.values()].includes(path);
  if (!isBundled && (await workspace.library.add('tasks', path, hash))) context.emit({ type: 'tasks.changed' });
  return entryOf(context, path, await workspace.runs.list());
};

type CalibrationCall = 'tasks.calibrate' | 'tasks.tryCalibration';

/** Folder of the workspace that stores the calibration choices. */
const FOLDER = 'tasks';

const chosenPaths = ({ handles }: EngineContext, choice: CalibrationChoice): RecordedCalibration =>
  calibrationAt(choice, (handle) => handles.resolve(handle));

/** The calibration in its stored form: bundled models and tasks by name. */
const recorded = ({ bundled }: EngineContext, calibration: RecordedCalibration): RecordedCalibration =>
  calibration.from === 'file' ? calibration : calibrationAt(calibration, (path) => recordedPath(path, bundled.tasks));

const calibrationCalls = (context: EngineContext): Pick<Answers, CalibrationCall> => {
  const { workspace, handles } = context;
  /** The file with a task's items: its own path, or the one that its document names. */
  const itemsOf = async (path: string): Promise<string> => (await taskDocumentAt(context, path))?.items ?? path;
  return {
    'tasks.tryCalibration': async ({ handle, choice }) => {
      const base = await context.task(await itemsOf(handles.resolve(handle)));
      const { task, leftOut, groups } = await calibrate(base, chosenPaths(context, choice), context.task);
      return { calibration: task.calibration.length, test: task.test.length, leftOut, groups };
    },
    'tasks.calibrate': async ({ handle, choice }, signal) => {
      const from = handles.resolve(handle);
      const items = await itemsOf(from);
      const base = await context.task(items);
      requireNoCalibration(base);
      const calibration = chosenPaths(context, choice);
      // Refuses before anything is written.
      await calibrate(base, calibration, context.task);
      requireAsked(signal);
      const document = { items, calibration: recorded(context, calibration) };
      const path = await writeTaskDocument(join(workspace.path, FOLDER), document, workspace.temporaryFolder);
      const { hash } = await context.task(path);
      const shelf = await workspace.library.list('tasks');
      if (shelf.some((entry) => entry.path === from)) await workspace.library.move('tasks', from, path, hash);
      else await workspace.library.add('tasks', path, hash);
      context.emit({ type: 'tasks.changed' });
      return entryOf(context, path, await workspace.runs.list());
    },
  };
};

/** Folder of the workspace for files whose content a page uploaded. */
const GIVEN_FOLDER = 'given';

export const taskCalls = (context: EngineContext): AnswersTo<'tasks'> => {
  const { workspace, handles, bundled } = context;
  const bundledPaths = new Set(bundled.tasks.values());
  return {
    'tasks.list': async () => {
      const [library, runs] = await Promise.all([workspace.library.list('tasks'), workspace.runs.list()]);
      const remembered = library.map(({ path }) => path).filter((path) => !bundledPaths.has(path));
      const entries = await Promise.all([...bundledPaths, ...remembered].map((path) => entryOf(context, path, runs)));
      await workspace.library.see(
        'tasks',
        entries.flatMap(({ path, hash, bundled: ships }) => (hash === null || ships ? [] : [{ path, hash }])),
      );
      await context.keepTaskFacts();
      return entries;
    },
    'tasks.open': ({ handle }, signal) => openTask(context, handles.resolve(handle), signal),
    'tasks.forget': ({ handle }) => forget(context, 'tasks', handles.resolve(handle)),
    'tasks.preview': async ({ handle, split, count }) => {
      const task = await context.task(handles.resolve(handle));
      return task[split].slice(0, count).map(previewOf);
    },
    'tasks.take': async ({ name, base64 }, signal) => {
      const bytes = Buffer.from(base64, 'base64');
      if (bytes.length > MAX_GIVEN_BYTES)
        throw refuse(
          'file-too-large',
          `${name} has ${bytes.length} bytes; a page may give at most ${MAX_GIVEN_BYTES}.`,
          'Open it by its path: “Open task file…”.',
        );
      // One folder per content: the same file is stored once, another one of the same name beside it.
      const folder = join(workspace.path, GIVEN_FOLDER, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
      await makeFolder(folder);
      const file = join(folder, name);
      await writeFileAtomically(file, bytes, workspace.temporaryFolder);
      return openTask(context, file, signal);
    },
    ...calibrationCalls(context),
  };
};
