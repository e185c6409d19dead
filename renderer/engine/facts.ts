import { useSyncExternalStore } from 'react';
import { shallow } from 'zustand/shallow';
import type { MethodPage } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { JobProgress, RunManifest } from '../../main/contract/run.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Selection } from '../state/selection.ts';
import { type Engine, useEngine } from './engine-context.tsx';
import { onceFor } from './once-for.ts';

/** Current state that actions decide by: the engine's lists and the selection. */
export interface Facts {
  readonly connected: boolean;
  readonly models: readonly ModelEntry[];
  readonly tasks: readonly TaskEntry[];
  readonly runs: readonly RunManifest[];
  readonly jobs: readonly JobProgress[];
  /** The pages of all methods; empty until the engine has answered. */
  readonly methods: readonly MethodPage[];
  readonly selection: Selection;
}

export const selectedModel = ({ models, selection }: Pick<Facts, 'models' | 'selection'>): ModelEntry | null =>
  models.find((model) => model.handle === selection.model) ?? null;

export const tickedTasks = ({ tasks, selection }: Facts): readonly TaskEntry[] =>
  tasks.filter((task) => selection.tasks.includes(task.handle));

export const focusedTask = ({ tasks, selection }: Facts): TaskEntry | null =>
  tasks.find((task) => task.handle === selection.task) ?? null;

/** Tasks that could be opened; views have no data of the others. */
export const usableTasks = (tasks: readonly TaskEntry[]): readonly TaskEntry[] =>
  tasks.filter(({ error }) => error === null);

/** Whether the engine can use the model. */
export const isUsable = (
  model: ModelEntry | null,
): model is ModelEntry & { readonly info: NonNullable<ModelEntry['info']> } =>
  model?.error === null && model.info?.supported === true;

/** Whether a model has room for a prompt beside the longest answer that a task lets it write. */
export const hasRoom = (model: ModelEntry | null, { writing }: TaskEntry): boolean =>
  writing === undefined || !isUsable(model) || writing.maxNewTokens < model.info.maxPositions;

/** Look of a step that leads on; in an empty workspace the ways to begin lead, and it steps back. */
export const leadingLook = ({ runs }: Pick<Facts, 'runs'>): 'primary' | 'plain' =>
  runs.length > 0 ? 'primary' : 'plain';

const NONE: readonly never[] = [];

interface FactsSource {
  readonly read: () => Facts;
  readonly subscribe: (listener: () => void) => () => void;
}

/** The facts of an engine as one store: the same object until a part changes, with one set of readers for everybody. */
const factsSource = ({ bridge, cache }: Engine): FactsSource => {
  const readers = {
    models: cache.reader('models.list', {}),
    tasks: cache.reader('tasks.list', {}),
    runs: cache.reader('runs.list', {}),
    jobs: cache.reader('jobs.list', {}),
    methods: cache.reader('methods.list', {}),
  };
  const now = (): Facts => ({
    connected: bridge.status.get().state === 'connected',
    models: readers.models.read().data ?? NONE,
    tasks: readers.tasks.read().data ?? NONE,
    runs: readers.runs.read().data ?? NONE,
    jobs: readers.jobs.read().data ?? NONE,
    methods: readers.methods.read().data ?? NONE,
    selection: selectionStore.getState(),
  });
  let last = now();
  const read = (): Facts => {
    const next = now();
    if (!shallow(last, next)) last = next;
    return last;
  };
  const listeners = new Set<() => void>();
  const tell = (): void => listeners.forEach((listener) => listener());
  let stops: readonly (() => void)[] = [];
  return {
    read,
    subscribe: (listener) => {
      // Each subscription counts, also two of the same function.
      const forward = (): void => listener();
      listeners.add(forward);
      if (listeners.size === 1)
        stops = [
          ...Object.values(readers).map((reader) => reader.subscribe(tell)),
          bridge.status.subscribe(tell),
          selectionStore.subscribe(tell),
        ];
      return () => {
        listeners.delete(forward);
        if (listeners.size > 0) return;
        for (const stop of stops) stop();
        stops = [];
      };
    },
  };
};

const sourceOf = onceFor(factsSource);

/** The facts now. */
export const readFacts = (engine: Engine): Facts => sourceOf(engine).read();

/** Facts for components, which rerender when the lists or the selection change. */
export const useFacts = (): Facts => {
  const { read, subscribe } = sourceOf(useEngine());
  return useSyncExternalStore(subscribe, read, read);
};
