import { useStore } from 'zustand';
import { type RunGroup, RUN_GROUPS, runColumns, RUNS_SHOWN } from '../../main/figures/run-tables.ts';
import type { TableSort } from '../../main/figures/table-rows.ts';
import { decodedWord, isRunId } from './address-words.ts';
import { runsStore } from './runs-store.ts';
import { runsTableStore } from './runs-table-store.ts';
import { type CurvesMode, curvesModes, curvesStore } from './view-stores.ts';

// State of the views in the address: `chart=table&filter=reap&sort=-bytes&columns=name,bytes&chosen=sweep-1,sweep-2`.
// Defaults are left out.

/** State of the views beside the selection. */
export interface Shown {
  /** The chart below the map. */
  readonly chart: CurvesMode;
  /** Of the runs, in their list and their table. */
  readonly filter: string;
  readonly archived: boolean;
  readonly chosen: readonly string[];
  /** Of the table of runs. */
  readonly sort: TableSort | null;
  readonly group: RunGroup | null;
  readonly columns: readonly string[];
  readonly pinned: readonly string[];
  readonly unfolded: readonly string[];
}

const plainShown: Shown = {
  chart: 'difference',
  filter: '',
  archived: false,
  chosen: [],
  sort: null,
  group: null,
  columns: RUNS_SHOWN,
  pinned: [],
  unfolded: [],
};

const SEPARATOR = ',';

/** Keys and values of the address. A filter is encoded, since no value of an address may hold a slash. */
export const shownWords = (shown: Shown): readonly (readonly [string, string])[] => {
  const { chart, filter, archived, chosen, sort, group, columns, pinned, unfolded } = shown;
  const list = (key: string, words: readonly string[]): readonly (readonly [string, string])[] =>
    words.length === 0 ? [] : [[key, words.join(SEPARATOR)]];
  return [
    ...(chart === plainShown.chart ? [] : ([['chart', chart]] as const)),
    ...(filter === '' ? [] : ([['filter', encodeURIComponent(filter)]] as const)),
    ...(archived ? ([['archived', 'yes']] as const) : []),
    ...(sort === null ? [] : ([['sort', `${sort.descending ? '-' : ''}${sort.column}`]] as const)),
    ...(group === null ? [] : ([['group', group]] as const)),
    ...(columns.join() === RUNS_SHOWN.join() ? [] : list('columns', columns)),
    ...list('chosen', chosen),
    ...list('pinned', pinned),
    ...list('unfolded', unfolded),
  ];
};

/** Whether an address says anything of this. */
export const hasShown = (address: URLSearchParams): boolean =>
  ['chart', 'filter', 'archived', 'chosen', 'sort', 'group', 'columns', 'pinned', 'unfolded'].some((key) =>
    address.has(key),
  );

/** The state that an address names; absent and unknown words mean the defaults. */
export const readShown = (read: (key: string) => string | null): Shown => {
  const runs = (key: string): readonly string[] => (read(key)?.split(SEPARATOR) ?? []).filter(isRunId);
  const sort = /^(-?)([a-z_0-9]+)$/.exec(read('sort') ?? '');
  const column = runColumns.find(([name]) => name === sort?.[2])?.[0];
  const named = read('columns')?.split(SEPARATOR) ?? [];
  const columns = runColumns.flatMap(([name, , shown]) => (shown !== undefined && named.includes(name) ? [name] : []));
  return {
    chart: curvesModes.find((mode) => mode === read('chart')) ?? plainShown.chart,
    filter: decodedWord(read('filter') ?? ''),
    archived: read('archived') === 'yes',
    chosen: runs('chosen'),
    sort: column === undefined ? null : { column, descending: sort?.[1] === '-' },
    group: RUN_GROUPS.find((group) => group === read('group')) ?? null,
    columns: columns.length === 0 ? RUNS_SHOWN : columns,
    pinned: runs('pinned'),
    unfolded: runs('unfolded'),
  };
};

/** The current state of the views; rerenders when it changes. */
export const useShown = (): Shown => {
  const chart = useStore(curvesStore, ({ mode }) => mode);
  const { text, archived, chosen } = useStore(runsStore);
  const { sort, group, columns, pinned, unfolded } = useStore(runsTableStore);
  return { chart, filter: text, archived, chosen, sort, group, columns, pinned, unfolded };
};

/** Makes the views show this. */
export const show = ({ chart, filter, archived, chosen, sort, group, columns, pinned, unfolded }: Shown): void => {
  curvesStore.setState({ mode: chart });
  runsStore.setState({ text: filter, archived, chosen });
  runsTableStore.setState({ sort, group, columns, pinned, unfolded });
};
