import type { CalibrationChoice } from '../../main/contract/calibration.ts';
import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import { lacksCalibration, type TaskEntry } from '../../main/contract/task.ts';
import { focusedTask, isUsable, usableTasks } from '../engine/facts.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { chooseFile, chooseFolder } from '../state/file-choice.ts';
import { calibrationStore, openModelStore, openTaskStore } from '../state/dialog-stores.ts';
import { FIRST_VIEW, layoutStore } from '../state/layout-store.ts';
import { neighbour, selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

export const openModel: Action = {
  id: 'open-model',
  label: 'Open model folder…',
  keywords: ['checkpoint', 'hugging face', 'safetensors', 'add'],
  menu: 'file',
  shortcut: 'Mod+O',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    await chooseFolder(bridge, 'model', async ({ handle }, asked) => {
      takeModel(cache, await asked.call('models.open', { handle }));
    });
  },
};

export const findModel: Action = {
  id: 'find-model',
  label: 'Open a model…',
  keywords: ['hub', 'hugging face', 'download', 'cache', 'name', 'search', 'add'],
  menu: 'file',
  enabled: ({ connected }) => connected,
  perform: () => openModelStore.getState().show(true),
};

export const openModelFile: Action = {
  id: 'open-model-file',
  label: 'Open GGUF file…',
  keywords: ['model', 'checkpoint', 'llama.cpp', 'quantised', 'add'],
  menu: 'file',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    await chooseFile(bridge, 'model', async (handle, asked) =>
      takeModel(cache, await asked.call('models.open', { handle })),
    );
  },
};

/** Adds an entry to the list at once, so that it can be selected before the list is fetched again. */
const withEntry = <E extends { readonly handle: PathHandle }>(list: readonly E[], entry: E): E[] => [
  ...list.filter(({ handle }) => handle !== entry.handle),
  entry,
];

/** Adds an opened model to the list and selects it. */
export const takeModel = (cache: Engine['cache'], entry: ModelEntry): void => {
  cache.patch('models.list', (models) => withEntry(models, entry));
  selectionStore.getState().showModel(entry.handle);
  cache.invalidate((name) => name === 'models.list');
};

/** Opens the model that an export or fine-tuning run created. */
export const openMade = async ({ bridge, cache }: Engine, run: string): Promise<void> =>
  takeModel(cache, await bridge.call('models.openMade', { run }));

export const findTask: Action = {
  id: 'find-task',
  label: 'Open a task…',
  keywords: ['benchmark', 'harness', 'lm-eval', 'name', 'search', 'import', 'add'],
  menu: 'file',
  enabled: ({ connected }) => connected,
  perform: () => openTaskStore.getState().show(true),
};

export const openTask: Action = {
  id: 'open-task',
  label: 'Open task folder…',
  keywords: ['dataset', 'jsonl', 'benchmark', 'add'],
  menu: 'file',
  shortcut: 'Mod+Shift+O',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    await chooseFolder(bridge, 'task', ({ handle }, asked) => takeTask({ bridge: asked, cache }, handle));
  },
};

/**
 * A model and a task of the user's own begin in the view Fit: leads there from the first view, unless a run has
 * used the model for the task before.
 */
const beginWithFit = (cache: Engine['cache'], { handle, name, error }: TaskEntry): void => {
  const { model: chosen, task } = selectionStore.getState();
  const model = cache.state('models.list', {}).data?.find((known) => known.handle === chosen) ?? null;
  const { view, show } = layoutStore.getState();
  if (view !== FIRST_VIEW || error !== null || task !== handle || !isUsable(model)) return;
  const runs = cache.state('runs.list', {}).data ?? [];
  const isKnown = runs.some(
    ({ models, tasks }) =>
      models.some((recorded) => recorded.name === model.name) && tasks.some((recorded) => recorded.name === name),
  );
  if (!isKnown) show('fit');
};

/**
 * Opens a task, ticks it beside those that are ticked, and puts it in focus. If it has no calibration items, asks for
 * some.
 */
export const takeTask = async (
  { bridge, cache }: Pick<Engine, 'bridge' | 'cache'>,
  handle: PathHandle,
): Promise<void> => takeTaskEntry({ cache }, await bridge.call('tasks.open', { handle }));

/** Same, for a task that the engine has already opened. */
export const takeTaskEntry = ({ cache }: Pick<Engine, 'cache'>, entry: TaskEntry): void => {
  cache.patch('tasks.list', (tasks) => withEntry(tasks, entry));
  const { tasks, tickTasks } = selectionStore.getState();
  tickTasks([...tasks.filter((handle) => handle !== entry.handle), entry.handle], entry.handle);
  cache.invalidate((name) => name === 'tasks.list');
  if (lacksCalibration(entry)) calibrationStore.getState().show(entry.handle);
  else beginWithFit(cache, entry);
};

/** Whether the user may choose the source of the task's calibration items: only if the task has none of its own. */
export const takesCalibration = (task: TaskEntry): boolean => lacksCalibration(task) || task.calibrated !== undefined;

export const chooseCalibration: Action = {
  id: 'choose-calibration',
  label: 'Choose calibration items of the task…',
  keywords: ['split', 'own task', 'jsonl', 'profile', 'share'],
  menu: 'edit',
  enabled: (facts) => {
    const task = focusedTask(facts);
    return facts.connected && task !== null && takesCalibration(task);
  },
  perform: (_engine, { selection }) => calibrationStore.getState().show(selection.task),
};

/** Gives a task calibration items and replaces the old entry in the list, the ticks and the focus. */
export const calibrateTask = async (
  { bridge, cache }: Pick<Engine, 'bridge' | 'cache'>,
  handle: PathHandle,
  choice: CalibrationChoice,
): Promise<void> => {
  const entry = await bridge.call('tasks.calibrate', { handle, choice });
  cache.patch('tasks.list', (tasks) =>
    withEntry(
      tasks.filter((task) => task.handle !== handle),
      entry,
    ),
  );
  const { tasks, task } = selectionStore.getState();
  selectionStore.getState().complete({
    tasks: [...new Set(tasks.map((ticked) => (ticked === handle ? entry.handle : ticked)))],
    task: task === handle ? entry.handle : task,
  });
  cache.invalidate((name) => name === 'tasks.list');
  beginWithFit(cache, entry);
};

export const openTaskFile: Action = {
  id: 'open-task-file',
  label: 'Open task file…',
  keywords: ['dataset', 'jsonl', 'parquet', 'yaml', 'harness', 'text', 'add'],
  menu: 'file',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    await chooseFile(bridge, 'task', (handle, asked) => takeTask({ bridge: asked, cache }, handle));
  },
};

const stepTask = (direction: 'previous' | 'next', shortcut: string, step: number): Action => ({
  id: `${direction}-task`,
  label: `Focus the ${direction} task`,
  keywords: ['switch', 'task'],
  menu: 'edit',
  shortcut,
  enabled: ({ tasks }) => usableTasks(tasks).length > 1,
  perform: (_engine, { tasks, selection }) => {
    const handles = usableTasks(tasks).map((task) => task.handle);
    selectionStore.getState().focusTask(neighbour(handles, selection.task, step));
  },
});

export const previousTask = stepTask('previous', 'Alt+Up', -1);
export const nextTask = stepTask('next', 'Alt+Down', 1);

/** Asks where a moved model is now; the engine rejects a folder that contains a different model. */
export const locateModel = async ({ bridge, cache }: Engine, model: ModelEntry): Promise<void> => {
  await chooseFolder(bridge, 'model', async ({ handle: at }, asked) => {
    takeModel(cache, await asked.call('models.locate', { handle: model.handle, at }));
  });
};
