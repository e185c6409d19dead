import { createStore } from 'zustand/vanilla';
import type { RunOrder } from '../../main/contract/run.ts';
import { type RunGroup, RUNS_SHOWN } from '../../main/figures/run-tables.ts';
import { nextSort, type TableSort } from '../../main/figures/table-rows.ts';
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

/** What the table of runs shows, besides its filter and the chosen runs, which it shares with the list of runs. */
export interface RunsTable {
  readonly sort: TableSort | null;
  readonly group: RunGroup | null;
  /** Names of the columns shown, in the order of the list of columns. */
  readonly columns: readonly string[];
  /** Runs that stay on top. */
  readonly pinned: readonly string[];
  /** Runs whose points are shown. */
  readonly unfolded: readonly string[];
}

interface RunsTableState extends RunsTable {
  readonly sortBy: (column: string) => void;
  readonly togglePinned: (run: string) => void;
  readonly toggleFolded: (run: string) => void;
}

export const runsTableStore = createStore<RunsTableState>()((set) => ({
  sort: null,
  group: null,
  columns: RUNS_SHOWN,
  pinned: [],
  unfolded: [],
  sortBy: (column) => set(({ sort }) => ({ sort: nextSort(sort, column) })),
  togglePinned: (run) => set(({ pinned }) => ({ pinned: toggled(pinned, run) })),
  toggleFolded: (run) => set(({ unfolded }) => ({ unfolded: toggled(unfolded, run) })),
}));
