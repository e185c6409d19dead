import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { PathHandle } from '../contract/model.ts';
import type { RunManifest } from '../contract/run.ts';
import { isFile } from '../files/file-errors.ts';
import type { RunModel, RunTask } from '../jobs/job-context.ts';
import { uniqueNames } from '../jobs/write-sweep-files.ts';
import type { Task } from '../tasks/task.ts';
import { actualPath } from '../workspace/library.ts';
import { isModelGone } from './calls/models.ts';
import { contentThenAndNow, thenAndNow } from './changed-since.ts';
import type { EngineContext } from './engine-context.ts';

/** A model that is listed with what hinders it, and must not be run. */
const requireSupported = ({ name, checkpoint }: RunModel): void => {
  if (checkpoint.info.supported) return;
  throw refuse(
    'model-unsupported',
    `${name} cannot run here: ${checkpoint.info.reasons.join(' ')}`,
    'Choose another model.',
  );
};

/** Opens the models of a request under names that are unique among them; the same model twice is one. */
export const openRunModels = async (context: EngineContext, handles: readonly PathHandle[]): Promise<RunModel[]> => {
  const folders = [...new Set(handles.map((handle) => context.handles.resolve(handle)))];
  const checkpoints = await Promise.all(folders.map((folder) => context.checkpoint(folder)));
  const names = uniqueNames(checkpoints.map(({ name, fingerprint }) => ({ name, hash: fingerprint })));
  const models = checkpoints.map((checkpoint, index) => ({ name: names[index] ?? checkpoint.name, checkpoint }));
  models.forEach(requireSupported);
  return models;
};

/** Loads the tasks of a request under names that are unique among them; the same task twice is one. */
export const openRunTasks = async (context: EngineContext, handles: readonly PathHandle[]): Promise<RunTask[]> => {
  const paths = [...new Set(handles.map((handle) => context.handles.resolve(handle)))];
  const tasks = await Promise.all(paths.map((path) => context.task(path)));
  const names = uniqueNames(tasks);
  return tasks.map((task, index) => ({ name: names[index] ?? task.name, task }));
};

/** What a run records of a model or task, and how to find it again. */
interface Search<T> {
  readonly what: 'model' | 'task';
  /** Where it lay. */
  readonly path: string;
  readonly hash: string;
  readonly isGone: (path: string) => Promise<boolean>;
  readonly open: (path: string) => Promise<{ readonly hash: string; readonly value: T }>;
  /** Whether it may be looked at where it lay: the manifest of a stranger may name any path. */
  readonly isTrusted: boolean;
}

/**
 * What a run was made with: from where it lay then, or from a remembered place that now holds the same (it was moved).
 *
 * @throws WorkbenchError `moved` where nothing is there, `changed-since` where something else is, `not-opened` where the
 * run was not made here and nobody opened it in this workspace.
 */
const findAgain = async <T>(
  context: EngineContext,
  { what, path, hash, isGone, open, isTrusted }: Search<T>,
): Promise<T> => {
  const remembered = await context.workspace.library.list(`${what}s`);
  const mayLook = isTrusted || remembered.some((entry) => entry.path === path);
  const here = mayLook && !(await isGone(path)) ? await open(path) : null;
  if (here?.hash === hash) return here.value;
  const elsewhere = remembered.filter((entry) => entry.hash === hash && entry.path !== path);
  for (const entry of elsewhere) {
    if (await isGone(entry.path)) continue;
    const found = await open(entry.path);
    if (found.hash === hash) return found.value;
  }
  if (!mayLook)
    throw refuse(
      'not-opened',
      `${path} is named by a run that was not made here, and is not read for that alone.`,
      `Open the ${what} yourself, then try again.`,
    );
  if (here === null)
    throw refuse(
      'moved',
      `${path} was moved or deleted: the ${what} of this run is not there.`,
      `Open the ${what} where it is now, then try again.`,
    );
  const hashes = what === 'model' ? thenAndNow(hash, here.hash) : contentThenAndNow(hash, here.hash);
  throw refuse(
    'changed-since',
    `${path} has changed since this run (${hashes}): it is another ${what}.`,
    'Restore it, or start a new run.',
  );
};

/** The model of a recorded run, as it was. `isTrusted`: the run was made here, or its user confirmed what it names. */
export const reopenModel = (
  context: EngineContext,
  { path: recorded, fingerprint }: RunManifest['models'][number],
  isTrusted: boolean,
): Promise<Checkpoint> => {
  const path = actualPath(recorded, context.bundled.models);
  return findAgain(context, {
    what: 'model',
    path,
    hash: fingerprint,
    // What comes along may be looked at whoever named it.
    isTrusted: isTrusted || [...context.bundled.models.values()].includes(path),
    isGone: isModelGone,
    open: async (folder) => {
      const checkpoint = await context.checkpoint(folder);
      return { hash: checkpoint.fingerprint, value: checkpoint };
    },
  });
};

/** The task of a recorded run, as it was; `isTrusted` as for a model. */
export const reopenTask = (
  context: EngineContext,
  { path: recorded, hash }: RunManifest['tasks'][number],
  isTrusted: boolean,
): Promise<Task> => {
  const path = actualPath(recorded, context.bundled.tasks);
  return findAgain(context, {
    what: 'task',
    path,
    hash,
    isTrusted: isTrusted || [...context.bundled.tasks.values()].includes(path),
    isGone: async (path) => !(await isFile(path)),
    open: async (path) => {
      const task = await context.task(path);
      return { hash: task.hash, value: task };
    },
  });
};

/**
 * The models and tasks of a recorded run, as they were: one that changed since is refused, one that was moved is found
 * where it is remembered. `isTrusted` as for a model.
 */
export const reopenSubjects = async (
  context: EngineContext,
  manifest: RunManifest,
  isTrusted: boolean,
): Promise<{ models: RunModel[]; tasks: RunTask[] }> => ({
  models: await Promise.all(
    manifest.models.map(async (model) => ({
      name: model.name,
      checkpoint: await reopenModel(context, model, isTrusted),
    })),
  ),
  tasks: await Promise.all(
    manifest.tasks.map(async (task) => ({ name: task.name, task: await reopenTask(context, task, isTrusted) })),
  ),
});
