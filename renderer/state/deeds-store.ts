import { createStore } from 'zustand/vanilla';
import type { History } from './history.ts';

/**
 * A reversible action on disk. Ctrl+Z undoes the later of the last deed and the last step of the selection, so a deed
 * stores the step it followed.
 */
export interface Deed {
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
