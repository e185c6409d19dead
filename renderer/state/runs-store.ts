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
  readonly toggleChosen: (run: string) => void;
}

export const runsStore = createStore<RunsState>()((set) => ({
  text: '',
  order: 'newest',
  archived: false,
  chosen: [],
  renaming: null,
  details: null,
  trashOpen: false,
  compared: null,
  toggleChosen: (run) => set(({ chosen }) => ({ chosen: toggled(chosen, run) })),
}));
