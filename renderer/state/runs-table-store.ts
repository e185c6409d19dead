import { createStore } from 'zustand/vanilla';
import { type RunGroup, RUNS_SHOWN } from '../../main/figures/run-tables.ts';
import { nextSort, type TableSort } from '../../main/figures/table-rows.ts';
import { toggled } from './selection-store.ts';

interface RunsTableState {
  readonly sort: TableSort | null;
  readonly group: RunGroup | null;
  /** Names of the columns shown, in the order of the list of columns. */
  readonly columns: readonly string[];
  /** Runs that stay on top. */
  readonly pinned: readonly string[];
  /** Runs whose points are shown. */
  readonly unfolded: readonly string[];
  readonly sortBy: (column: string) => void;
  readonly togglePinned: (run: string) => void;
  readonly toggleFolded: (run: string) => void;
}

/** State of the table of runs, besides its filter and the chosen runs, which it shares with the list of runs. */
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
