import type { Selection } from './selection.ts';

/** Parts of the selection that can be undone. */
const undoable = ['model', 'task', 'tasks', 'method', 'factor', 'pins', 'plan', 'map'] as const;
type Undoable = Pick<Selection, (typeof undoable)[number]>;

export interface History {
  /** Earlier states, the latest last. */
  readonly past: readonly Undoable[];
  /** Undone states, the next one first. */
  readonly future: readonly Undoable[];
  /** Whether the slider is being dragged or a number typed; intermediate values are not steps of their own. */
  readonly isDragging: boolean;
}

export const noHistory: History = { past: [], future: [], isDragging: false };

/** Most steps kept. */
const MOST_STEPS = 100;

const undoableOf = ({ model, task, tasks, method, factor, pins, plan, map }: Selection): Undoable => ({
  model,
  task,
  tasks,
  method,
  factor,
  pins,
  plan,
  map,
});

const isSame = (left: Undoable, right: Undoable): boolean => undoable.every((name) => left[name] === right[name]);

/** The history after a change; unchanged if nothing undoable changed. A drag is one step. */
export const recorded = (history: History, before: Selection, after: Selection, isDrag = false): History => {
  if (isSame(before, after)) return history;
  const { past, isDragging } = history;
  return {
    past: isDrag && isDragging && past.length > 0 ? past : [...past, undoableOf(before)].slice(-MOST_STEPS),
    future: [],
    isDragging: isDrag,
  };
};

export interface Travelled {
  readonly selection: Selection;
  readonly history: History;
}

const travelled = (selection: Selection, to: Undoable, history: History): Travelled => ({
  selection:
    to.model === selection.model ? { ...selection, ...to } : { ...selection, ...to, layer: null, expert: null },
  history,
});

/** One step back; null if there is none. */
export const undone = (selection: Selection, { past, future }: History): Travelled | null => {
  const to = past.at(-1);
  if (to === undefined) return null;
  const history = { past: past.slice(0, -1), future: [undoableOf(selection), ...future], isDragging: false };
  return travelled(selection, to, history);
};

/** One step forward; null if nothing was undone. */
export const redone = (selection: Selection, { past, future }: History): Travelled | null => {
  const [to, ...others] = future;
  if (to === undefined) return null;
  return travelled(selection, to, { past: [...past, undoableOf(selection)], future: others, isDragging: false });
};
