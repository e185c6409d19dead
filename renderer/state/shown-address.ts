import { useStore } from 'zustand';
import { z } from 'zod';
import { margin as marginOf } from '../../main/contract/bounds.ts';
import { BEST_REFERENCE } from '../../main/contract/compare.ts';
import { methodOfLabel } from '../../main/contract/method.ts';
import { SHOWN_KEYS } from '../../main/contract/page-fragment.ts';
import { methodName, refitName } from '../../main/contract/plan.ts';
import { sliceBy } from '../../main/contract/slices.ts';
import { describedSweepSettings, UNPRUNED } from '../../main/contract/sweep.ts';
import { type AnswerKind, answerKind } from '../../main/contract/task.ts';
import { RUN_GROUPS, runColumns, RUNS_SHOWN } from '../../main/figures/run-tables.ts';
import { decodedWord, isRunId, named, type Named, nameOf, pointIn, pointText, unchosen } from './address.ts';
import { jsonIn } from '../../main/contract/errors.ts';
import type { PointKey } from './selection.ts';
import { type RunsTable, runsStore, runsTableStore } from './runs-store.ts';
import { sweepStore, usualMethods } from './sweep-store.ts';
import {
  compareStore,
  type CurvesMode,
  curvesModes,
  curvesStore,
  modelMapStore,
  routingStore,
  type ShownSlice,
  thresholdsStore,
  wholeSlice,
} from './view-stores.ts';

// State of the views in the address: `chart=table&margin=0.05&filter=reap&sort=-bytes&chosen=sweep-1,sweep-2`. Defaults
// are left out. The form of the next sweep is one word, `sweep`: what differs from its defaults, as JSON.

/** State of the views beside the selection. */
export interface Shown extends RunsTable {
  /** The chart below the map. */
  readonly chart: CurvesMode;
  /** Margin of the thresholds; null: that of the sweep. */
  readonly margin: number | null;
  readonly familywise: boolean;
  /** The task shown enlarged, and the methods hidden in the charts. */
  readonly enlarged: string | null;
  readonly hidden: readonly string[];
  /** Sections shown as tables instead of charts. */
  readonly tables: readonly TableOf[];
  /** Choices of the comparison of methods. */
  readonly answers: AnswerKind | null;
  readonly against: string;
  /** The form of the next sweep, as far as it differs from its defaults; null: not at all. */
  readonly sweep: SweepWords | null;
  /** Filters of the runs, in their list and their table. */
  readonly filter: string;
  readonly archived: boolean;
  readonly chosen: readonly string[];
  /** The two models that the map of models compares, and the slice whose items are read. */
  readonly compared: readonly PointKey[];
  readonly slice: ShownSlice;
}

const plainShown: Shown = {
  chart: 'difference',
  margin: null,
  familywise: false,
  enlarged: null,
  hidden: [],
  tables: [],
  answers: null,
  against: BEST_REFERENCE,
  sweep: null,
  filter: '',
  archived: false,
  chosen: [],
  sort: null,
  group: null,
  columns: RUNS_SHOWN,
  pinned: [],
  unfolded: [],
  compared: [],
  slice: wholeSlice,
};

const SEPARATOR = ',';
/** Is in no part of a point's text. */
const BETWEEN_POINTS = ';';

/** Views with a table behind their charts. */
const tablesOf = ['map', 'thresholds', 'compare'] as const;
type TableOf = (typeof tablesOf)[number];

/** The form of the next sweep, beside its settings. */
const sweepForm = z.object({
  models: z.array(z.string()).default([]),
  methods: z.array(methodName).default([...usualMethods]),
  refits: z.array(refitName).default(describedSweepSettings.parse({}).refits),
  skippedFactors: z.array(z.number()).default([]),
  typedFactors: z.string().default(''),
});
/** Members of the form that differ from their defaults, in the order of the form. */
export type SweepWords = Readonly<Record<string, unknown>>;

/** In the form, refits may be empty. */
const sweepSettings = describedSweepSettings.omit({ refits: true });
const SETTINGS = Object.keys(sweepSettings.shape);
const plainForm: SweepWords = { ...sweepForm.parse({}), ...sweepSettings.parse({}) };

/** The members of a form that differ from their defaults; null if none does. */
const changedWords = (form: Readonly<Record<string, unknown>>): SweepWords | null => {
  const changed = [...Object.keys(sweepForm.shape), ...SETTINGS].flatMap((key) =>
    JSON.stringify(form[key]) === JSON.stringify(plainForm[key]) ? [] : [[key, form[key]] as const],
  );
  return changed.length === 0 ? null : Object.fromEntries(changed);
};

/** A form from an address; null where it says nothing, or nothing that the form can hold. */
const sweepWordsIn = (word: string | null): SweepWords | null => {
  if (word === null) return null;
  const value = jsonIn(decodedWord(word));
  const form = sweepForm.safeParse(value);
  const settings = sweepSettings.safeParse(value);
  return form.success && settings.success ? changedWords({ ...form.data, ...settings.data }) : null;
};

/** Keys and values of the address. A filter is encoded, since no value of an address may hold a slash. */
export const shownWords = (shown: Shown): readonly (readonly [string, string])[] => {
  const { chart, filter, archived, chosen, sort, group, columns, pinned, unfolded } = shown;
  const { margin, familywise, enlarged, hidden, tables, answers, against, sweep, compared, slice } = shown;
  const list = (key: string, words: readonly string[]): readonly (readonly [string, string])[] =>
    words.length === 0 ? [] : [[key, words.join(SEPARATOR)]];
  return [
    ...(chart === plainShown.chart ? [] : ([['chart', chart]] as const)),
    ...(margin === null ? [] : ([['margin', String(margin)]] as const)),
    ...(familywise ? ([['familywise', 'yes']] as const) : []),
    ...(enlarged === null ? [] : ([['enlarged', encodeURIComponent(enlarged)]] as const)),
    ...list('hidden', hidden),
    ...list('tables', tables),
    ...(answers === null ? [] : ([['answers', answers]] as const)),
    ...(against === plainShown.against ? [] : ([['against', against]] as const)),
    ...(sweep === null ? [] : ([['sweep', encodeURIComponent(JSON.stringify(sweep))]] as const)),
    ...(filter === '' ? [] : ([['filter', encodeURIComponent(filter)]] as const)),
    ...(archived ? ([['archived', 'yes']] as const) : []),
    ...(sort === null ? [] : ([['sort', `${sort.descending ? '-' : ''}${sort.column}`]] as const)),
    ...(group === null ? [] : ([['group', group]] as const)),
    ...(columns.join() === RUNS_SHOWN.join() ? [] : list('columns', columns)),
    ...list('chosen', chosen),
    ...list('pinned', pinned),
    ...list('unfolded', unfolded),
    ...(compared.length === 0 ? [] : ([['compared', compared.map(pointText).join(BETWEEN_POINTS)]] as const)),
    ...(slice.by === 'all' ? [] : ([['slice', `${slice.by}:${encodeURIComponent(slice.name)}`]] as const)),
  ];
};

/** Whether an address says anything of this. */
export const hasShown = (address: URLSearchParams): boolean => SHOWN_KEYS.some((key) => address.has(key));

const sliceIn = (word: string): ShownSlice => {
  const [by, ...name] = word.split(':');
  const known = sliceBy.options.find((option) => option === by && option !== 'all');
  return known === undefined ? wholeSlice : { by: known, name: decodedWord(name.join(':')) };
};

/** The state that an address names; absent and unknown words mean the defaults. */
export const readShown = (read: (key: string) => string | null): Shown => {
  const runs = (key: string): readonly string[] => (read(key)?.split(SEPARATOR) ?? []).filter(isRunId);
  const sort = /^(-?)([a-z_0-9]+)$/.exec(read('sort') ?? '');
  const column = runColumns.find(([name]) => name === sort?.[2])?.[0];
  const isLabel = (word: string): boolean => methodName.safeParse(methodOfLabel(word).method).success;
  const against = read('against') ?? '';
  const points = (read('compared')?.split(BETWEEN_POINTS) ?? []).flatMap((word) => pointIn(word) ?? []);
  const columnWords = read('columns')?.split(SEPARATOR) ?? [];
  const columns = runColumns.flatMap(([name, , shown]) =>
    shown !== undefined && columnWords.includes(name) ? [name] : [],
  );
  return {
    chart: curvesModes.find((mode) => mode === read('chart')) ?? plainShown.chart,
    margin: marginOf.safeParse(Number(read('margin') ?? NaN)).data ?? null,
    familywise: read('familywise') === 'yes',
    enlarged: decodedWord(read('enlarged') ?? '') || null,
    hidden: (read('hidden')?.split(SEPARATOR) ?? []).filter(isLabel),
    tables: tablesOf.filter((entry) => read('tables')?.split(SEPARATOR).includes(entry)),
    answers: answerKind.safeParse(read('answers')).data ?? null,
    against: against === UNPRUNED || isLabel(against) ? against : plainShown.against,
    sweep: sweepWordsIn(read('sweep')),
    filter: decodedWord(read('filter') ?? ''),
    archived: read('archived') === 'yes',
    chosen: runs('chosen'),
    sort: column === undefined ? null : { column, descending: sort?.[1] === '-' },
    group: RUN_GROUPS.find((group) => group === read('group')) ?? null,
    columns: columns.length === 0 ? RUNS_SHOWN : columns,
    pinned: runs('pinned'),
    unfolded: runs('unfolded'),
    compared: points.length > 2 ? plainShown.compared : points,
    slice: sliceIn(read('slice') ?? ''),
  };
};

/** What an address names, but for what the user has changed before it could be followed. */
export const shownBeside = (named: Shown, now: Shown): Shown => ({ ...now, ...unchosen(named, now, plainShown) });

/** The current state of the views; rerenders when it changes. */
export const useShown = ({ models }: { readonly models: readonly Named[] }): Shown => {
  const { mode: chart, delta: margin, familywise, enlarged, hiddenMethods: hidden } = useStore(curvesStore);
  const isMapTable = useStore(routingStore, ({ asTable }) => asTable);
  const isThresholdsTable = useStore(thresholdsStore, ({ asTable }) => asTable);
  const { answers, reference: against, asTable: isCompareTable } = useStore(compareStore);
  const areTables = { map: isMapTable, thresholds: isThresholdsTable, compare: isCompareTable };
  const tables = tablesOf.filter((entry) => areTables[entry]);
  const form = useStore(sweepStore);
  const others = form.otherModels.map((handle) => nameOf(models, handle));
  const sweep = changedWords({ ...form, models: others });
  const { text, archived, chosen } = useStore(runsStore);
  const { sort, group, columns, pinned, unfolded } = useStore(runsTableStore);
  const ofRuns = { filter: text, archived, chosen, sort, group, columns, pinned, unfolded };
  const { chosen: compared, slice } = useStore(modelMapStore);
  return { chart, margin, familywise, enlarged, hidden, tables, answers, against, sweep, compared, slice, ...ofRuns };
};

/** Makes the views show this; models of the form of a sweep are given by name. */
export const show = (shown: Shown, { models }: { readonly models: readonly Named[] }): void => {
  const { chart, filter, archived, chosen, sort, group, columns, pinned, unfolded } = shown;
  const { margin, familywise, enlarged, hidden, tables, answers, against, sweep, compared, slice } = shown;
  curvesStore.setState({ mode: chart, delta: margin, familywise, enlarged, hiddenMethods: hidden });
  routingStore.setState({ asTable: tables.includes('map') });
  thresholdsStore.setState({ asTable: tables.includes('thresholds') });
  compareStore.setState({ answers, reference: against, asTable: tables.includes('compare') });
  // An address without a form leaves the form as it is.
  if (sweep !== null) {
    const { models: names, ...form } = sweepForm.parse(sweep);
    const settings: SweepWords = sweepSettings.parse(sweep);
    sweepStore.setState({ ...form, otherModels: names.flatMap((word) => named(models, word) ?? []) });
    for (const key of SETTINGS) sweepStore.getState().choose(key, settings[key]);
    sweepStore.setState({ isFromAddress: true });
  }
  modelMapStore.setState({ chosen: compared, slice });
  runsStore.setState({ text: filter, archived, chosen });
  runsTableStore.setState({ sort, group, columns, pinned, unfolded });
};
