import { type Selection, withBrought } from './selection.ts';
import { createStore } from 'zustand/vanilla';

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
  selection: { ...selection, ...withBrought(selection, to) },
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

/**
 * A reversible action on disk. Ctrl+Z undoes the later of the last deed and the last step of the selection, so a deed
 * stores the step it followed.
 */
interface Deed {
  readonly id: number;
  readonly after: History['past'][number] | undefined;
  readonly undo: () => Promise<void>;
}

interface DeedsState {
  readonly deeds: readonly Deed[];
  readonly add: (after: Deed['after'], undo: Deed['undo']) => Deed;
  /** Reverses a deed; does nothing if already done. A deed whose undo fails stays. */
  readonly undo: (deed: Deed) => Promise<void>;
}

const MOST_DEEDS = 100;

export const createDeedsStore = () => {
  let next = 1;
  return createStore<DeedsState>()((set, get) => ({
    deeds: [],
    add: (after, undo) => {
      const deed = { id: next, after, undo };
      next += 1;
      set(({ deeds }) => ({ deeds: [...deeds, deed].slice(-MOST_DEEDS) }));
      return deed;
    },
    undo: async (deed) => {
      if (!get().deeds.includes(deed)) return;
      set(({ deeds }) => ({ deeds: deeds.filter((known) => known !== deed) }));
      try {
        await deed.undo();
      } catch (error) {
        set(({ deeds }) => ({ deeds: [...deeds, deed] }));
        throw error;
      }
    },
  }));
};

export const deedsStore = createDeedsStore();

/** The deed that the next undo reverses; null if that is a step of the selection. */
export const deedToUndo = (deeds: readonly Deed[], { past }: History): Deed | null => {
  const last = deeds.at(-1);
  return last !== undefined && last.after === past.at(-1) ? last : null;
};
