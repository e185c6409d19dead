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
}

/**
 * What a run was made with: from where it lay then, or from a remembered place that now holds the same (it was moved).
 *
 * @throws WorkbenchError `moved` where nothing is there, `changed-since` where something else is.
 */
const findAgain = async <T>(context: EngineContext, { what, path, hash, isGone, open }: Search<T>): Promise<T> => {
  const gone = await isGone(path);
  const here = gone ? null : await open(path);
  if (here?.hash === hash) return here.value;
  const elsewhere = (await context.workspace.library.list(`${what}s`)).filter(
    (entry) => entry.hash === hash && entry.path !== path,
  );
  for (const entry of elsewhere) {
    if (await isGone(entry.path)) continue;
    const found = await open(entry.path);
    if (found.hash === hash) return found.value;
  }
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

/** The model of a recorded run, as it was. */
export const reopenModel = (
  context: EngineContext,
  { path, fingerprint }: RunManifest['models'][number],
): Promise<Checkpoint> =>
  findAgain(context, {
    what: 'model',
    path: actualPath(path, context.bundled.models),
    hash: fingerprint,
    isGone: isModelGone,
    open: async (folder) => {
      const checkpoint = await context.checkpoint(folder);
      return { hash: checkpoint.fingerprint, value: checkpoint };
    },
  });

/** The task of a recorded run, as it was. */
export const reopenTask = (context: EngineContext, { path, hash }: RunManifest['tasks'][number]): Promise<Task> =>
  findAgain(context, {
    what: 'task',
    path: actualPath(path, context.bundled.tasks),
    hash,
    isGone: async (place) => !(await isFile(place)),
    open: async (place) => {
      const task = await context.task(place);
      return { hash: task.hash, value: task };
    },
  });

/**
 * The models and tasks of a recorded run, as they were: one that changed since is refused, one that was moved is found
 * where it is remembered.
 */
export const reopenSubjects = async (
  context: EngineContext,
  manifest: RunManifest,
): Promise<{ models: RunModel[]; tasks: RunTask[] }> => ({
  models: await Promise.all(
    manifest.models.map(async (model) => ({ name: model.name, checkpoint: await reopenModel(context, model) })),
  ),
  tasks: await Promise.all(
    manifest.tasks.map(async (task) => ({ name: task.name, task: await reopenTask(context, task) })),
  ),
});
