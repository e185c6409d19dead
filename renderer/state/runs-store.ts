import { createStore } from 'zustand/vanilla';
import type { RunOrder } from '../../main/contract/run.ts';
import { toggled } from './selection-store.ts';

interface RunsState {
  readonly text: string;
  readonly order: RunOrder;
  /** Whether archived runs are listed too. */
  readonly archived: boolean;
  /** Chosen runs, in the order of choosing: to compare, archive or remove together. */
  readonly chosen: readonly string[];
  /** The run being renamed; null: none. */
  readonly renaming: string | null;
  /** The run whose details are open; null: none. */
  readonly details: string | null;
  readonly trashOpen: boolean;
  /** Sweeps being compared, the reference first; null: none. */
  readonly compared: readonly string[] | null;
  readonly filter: (text: string) => void;
  readonly toggleChosen: (run: string) => void;
  readonly clearChosen: () => void;
  readonly rename: (run: string | null) => void;
  readonly showDetails: (run: string | null) => void;
  readonly showTrash: (open: boolean) => void;
  readonly compare: (runs: readonly string[] | null) => void;
}

export const createRunsStore = () =>
  createStore<RunsState>()((set) => ({
    text: '',
    order: 'newest',
    archived: false,
    chosen: [],
    renaming: null,
    details: null,
    trashOpen: false,
    compared: null,
    filter: (text) => set({ text }),
    toggleChosen: (run) => set(({ chosen }) => ({ chosen: toggled(chosen, run) })),
    clearChosen: () => set({ chosen: [] }),
    rename: (renaming) => set({ renaming }),
    showDetails: (details) => set({ details }),
    showTrash: (trashOpen) => set({ trashOpen }),
    compare: (compared) => set({ compared }),
  }));

export const runsStore = createRunsStore();
