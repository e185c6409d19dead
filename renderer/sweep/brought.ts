import { methodOfLabel } from '../../main/contract/method.ts';
import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import type { Facts } from '../engine/facts.ts';
import type { Brought, PointKey } from '../state/selection.ts';

type Known = Pick<Facts, 'models' | 'tasks' | 'runs' | 'selection'>;

/** The name that a model has in a run; null where the run is of other models. */
export const nameInRun = (
  run: Pick<RunManifest, 'models'> | null,
  model: Pick<ModelEntry, 'fingerprint'> | null,
): string | null =>
  model?.fingerprint === null || model === null
    ? null
    : (run?.models.find(({ fingerprint }) => fingerprint === model.fingerprint)?.name ?? null);

const modelsOf = (run: RunManifest, models: readonly ModelEntry[]): readonly ModelEntry[] =>
  run.models.flatMap(({ fingerprint }) => models.find((model) => model.fingerprint === fingerprint) ?? []);

const taskOf = (run: RunManifest, name: string, tasks: readonly TaskEntry[]): PathHandle | null => {
  const hash = run.tasks.find((task) => task.name === name)?.hash;
  return (
    (tasks.find((task) => task.name === name && task.hash === hash) ?? tasks.find((task) => task.name === name))
      ?.handle ?? null
  );
};

/**
 * What an opened run makes current: a model and a task of its own, unless those on screen are of it already. Empty as
 * far as they are not on the shelves.
 */
export const broughtByRun = ({ models, tasks, selection }: Known, run: RunManifest): Brought => {
  const own = modelsOf(run, models).map(({ handle }) => handle);
  const ownTasks = run.tasks.flatMap(({ name }) => taskOf(run, name, tasks) ?? []);
  const [model] = own;
  const [task] = ownTasks;
  const brought: { model?: PathHandle; task?: PathHandle } = {};
  if (model !== undefined && (selection.model === null || !own.includes(selection.model))) brought.model = model;
  if (task !== undefined && (selection.task === null || !ownTasks.includes(selection.task))) brought.task = task;
  return brought;
};

/**
 * What a chosen point makes current: its model, task, factor and (where it is one that plans can be made by) method.
 */
export const broughtByPoint = ({ models, tasks, runs }: Known, point: PointKey): Brought => {
  const run = runs.find(({ id }) => id === point.run);
  const brought: { -readonly [K in keyof Brought]: Brought[K] } = {};
  if (run !== undefined) {
    const fingerprint = run.models.find(({ name }) => name === point.model)?.fingerprint;
    const model = models.find((known) => known.fingerprint !== null && known.fingerprint === fingerprint);
    if (model !== undefined) brought.model = model.handle;
    const task = taskOf(run, point.task, tasks);
    if (task !== null) brought.task = task;
  }
  const { method } = methodOfLabel(point.method);
  if (point.factor > 1 && method !== null) Object.assign(brought, { method, factor: point.factor });
  return brought;
};
