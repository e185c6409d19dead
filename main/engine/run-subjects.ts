import type { PathHandle } from '../contract/model.ts';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import type { RunModel, RunTask } from '../jobs/job-context.ts';
import { uniqueNames } from '../jobs/unique-names.ts';
import { actualPath } from '../workspace/recorded-path.ts';
import type { EngineContext } from './engine-context.ts';

/** A model that is listed with what hinders it, and must not be run. */
const requireSupported = ({ name, checkpoint }: RunModel): void => {
  if (checkpoint.info.supported) return;
  throw refuse('model-unsupported', `${name} cannot run here: ${checkpoint.info.reasons.join(' ')}`, 'Choose another model.');
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

const changed = (what: string, path: string): Error =>
  refuse('changed-since', `${path} has changed since the run began: it is another ${what} now.`, 'Restore it, or start a new run.');

/** The models and tasks of a recorded run, as they were: a model or task that changed since is refused. */
export const reopenSubjects = async (context: EngineContext, manifest: RunManifest): Promise<{ models: RunModel[]; tasks: RunTask[] }> => {
  const models = await Promise.all(
    manifest.models.map(async ({ name, path: recorded, fingerprint }) => {
      const path = actualPath(recorded, context.bundled.models);
      const checkpoint = await context.checkpoint(path);
      if (checkpoint.fingerprint !== fingerprint) throw changed('model', path);
      return { name, checkpoint };
    }),
  );
  const tasks = await Promise.all(
    manifest.tasks.map(async ({ name, path: recorded, hash }) => {
      const path = actualPath(recorded, context.bundled.tasks);
      const task = await context.task(path);
      if (task.hash !== hash) throw changed('task', path);
      return { name, task };
    }),
  );
  return { models, tasks };
};
