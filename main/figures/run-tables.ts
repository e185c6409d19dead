import { distinct } from '../contract/distinct.ts';
import { runDurationMs, type RunManifest } from '../contract/run.ts';
import {
  pointNameKey,
  type PointVerdict,
  sweepSettings,
  type SweepDocument,
  type SweepResult,
  type Threshold,
  UNPRUNED,
} from '../contract/sweep.ts';
import { groupBy, headlineThresholds } from '../evaluation/threshold.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { bareFactor, counted, formatDuration } from '../words/numbers.ts';
import { equivalentCommand } from '../words/equivalent-command.ts';
import { provenanceBadge } from '../words/provenance.ts';
import { pointVerdictText } from '../words/verdicts.ts';
import { at } from '../contract/errors.ts';
import {
  amount,
  type Cell,
  column,
  type Column,
  type Columns,
  inUnits,
  type Names,
  number,
  pick,
  spreadCell,
} from './columns.ts';
import { csvTable } from './csv.ts';
import type { RunsRecord } from './figure-manifest.ts';
import { sortCell, sortedBy, type TableSort } from './table-rows.ts';
import { headlineColumns, resultColumns } from './tables.ts';

// The table of runs: a line for each run, and under it one for each point.

/** A point, the unpruned model's result on its task, and the threshold of its curve; null where the run has none. */
interface RunPoint {
  readonly result: SweepResult;
  readonly unpruned: SweepResult | null;
  readonly threshold: Threshold | null;
}

/** A line of the table: a run with all of its points, or with one of them. */
export interface RunLine {
  readonly run: RunManifest;
  readonly name: string;
  /** Models, tasks, methods and factors of the line's points; without points, those of the run's settings. */
  readonly models: readonly string[];
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  readonly factors: readonly number[];
  readonly points: readonly RunPoint[];
  readonly thresholds: readonly Threshold[];
  /** The command line that makes the same run; null where there is none. */
  readonly command: string | null;
}

/** A run of the table; `points`: its lines when it is unfolded. */
export interface RunEntry {
  readonly line: RunLine;
  readonly points: readonly RunLine[];
}

const isOf = (threshold: Threshold, { model, task, method, seed }: SweepResult): boolean =>
  threshold.model === model &&
  threshold.task === task &&
  threshold.method === method &&
  (threshold.seed === null || threshold.seed === seed);

/** The points of a document without those of unpruned models, unless it has no others. */
const pointsOf = ({ results }: SweepDocument, thresholds: readonly Threshold[]): readonly RunPoint[] => {
  const unpruned = results.filter(({ method }) => method === UNPRUNED);
  const pruned = results.filter(({ method }) => method !== UNPRUNED);
  return (pruned.length > 0 ? pruned : unpruned).map((result) => ({
    result,
    unpruned: unpruned.find(({ model, task }) => model === result.model && task === result.task) ?? null,
    threshold: thresholds.find((threshold) => isOf(threshold, result)) ?? null,
  }));
};

const measuredBy = (points: readonly RunPoint[]) => ({
  models: distinct(points.map(({ result }) => result.model)),
  tasks: distinct(points.map(({ result }) => result.task)),
  methods: distinct(points.map(({ result }) => result.method)),
  factors: distinct(points.map(({ result }) => result.factor)),
});

const askedOf = ({ kind, spec, models, tasks }: RunManifest) => {
  const settings = kind === 'sweep' ? sweepSettings.safeParse(spec).data : undefined;
  return {
    models: models.map(({ name }) => name),
    tasks: tasks.map(({ name }) => name),
    methods: settings?.methods ?? [],
    factors: settings?.factors ?? [],
  };
};

/** A run under its displayed name, with what it measured; null: not read yet, or a run without points. */
export const runEntry = (run: RunManifest, name: string, document: SweepDocument | null): RunEntry => {
  const thresholds = headlineThresholds(document?.thresholds ?? []);
  const points = document === null ? [] : pointsOf(document, thresholds);
  const command = equivalentCommand(run);
  const lineOf = (linePoints: readonly RunPoint[], ofLine: readonly Threshold[]): RunLine => ({
    run,
    name,
    ...(linePoints.length > 0 ? measuredBy(linePoints) : askedOf(run)),
    points: linePoints,
    thresholds: ofLine,
    command,
  });
  return {
    line: lineOf(points, thresholds),
    points: points.map((point) => lineOf([point], point.threshold === null ? [] : [point.threshold])),
  };
};

/** The value that all share, else null: a line of several points has no single value. */
const common = (values: readonly Cell[]): Cell => {
  const [first = null, ...others] = distinct(values);
  return others.length === 0 ? first : null;
};

const resultsOf = ({ points }: RunLine): readonly SweepResult[] => points.map(({ result }) => result);

const unprunedOf = ({ points }: RunLine): readonly SweepResult[] =>
  distinct(points.flatMap(({ unpruned }) => unpruned ?? []));

/** A column of parts of a line: the value that all of them have, shown as their spread. */
const ofParts = <T>([name, value, shown]: Column<T>, partsOf: (line: RunLine) => readonly T[]): Column<RunLine> => {
  const valueOf = value === null ? null : (line: RunLine): Cell => common(partsOf(line).map(value));
  if (shown === undefined) return [name, valueOf];
  const { spread: _spread, ...rest } = shown;
  const text = (line: RunLine, names: Names): Cell => spreadCell([name, value, shown], partsOf(line), names);
  return [name, valueOf, { ...rest, text }];
};

/** Names of a line with more than this many are counted. */
const MOST_NAMED = 4;

const namesText = (names: readonly string[], what: string): string | null => {
  if (names.length === 0) return null;
  return names.length > MOST_NAMED ? counted(names.length, what) : names.join(', ');
};

const factorsText = (factors: readonly number[]): string | null => {
  if (factors.length === 0) return null;
  const [least, most] = [minOf(factors), maxOf(factors)];
  return least === most ? bareFactor(least) : `${bareFactor(least)} to ${bareFactor(most)}`;
};

const seedsText = (line: RunLine): string | null => {
  const seeds = distinct(resultsOf(line).flatMap(({ seed }) => seed ?? []));
  return seeds.length > 1 ? counted(seeds.length, 'seed') : (seeds.map(String)[0] ?? null);
};

const VERDICTS: readonly PointVerdict[] = ['safe', 'undecided', 'worse', 'at-chance', 'nothing-to-lose'];

/** A point's verdict; of several "12 safe, 3 unsafe". */
const verdictsText = (line: RunLine): string | null => {
  const known = resultsOf(line).flatMap(({ verdict }) => verdict ?? []);
  const [only, ...others] = known;
  if (only === undefined) return null;
  if (others.length === 0) return pointVerdictText(only);
  return VERDICTS.flatMap((verdict) => {
    const count = known.filter((entry) => entry === verdict).length;
    return count === 0 ? [] : [`${count} ${pointVerdictText(verdict)}`];
  }).join(', ');
};

/** Columns that word several points in their own way. */
const inOwnWords: Columns<RunLine> = [
  ['model', ({ models }) => common(models), { title: 'model', text: ({ models }) => namesText(models, 'model') }],
  column('task', ({ tasks }) => common(tasks), {
    title: 'task',
    text: ({ tasks }, names) => namesText(tasks.map(names.task), 'task'),
  }),
  column('method', ({ methods }) => common(methods), {
    title: 'method',
    text: ({ methods }, names) => namesText(methods.map(names.method), 'method'),
  }),
  ['seed', (line) => common(resultsOf(line).map(({ seed }) => seed)), amount('seed', seedsText, 'seed')],
  ['factor', ({ factors }) => common(factors), amount('factor', ({ factors }) => factorsText(factors), 'factor')],
  [
    'verdict',
    (line) => common(resultsOf(line).map(({ verdict }) => verdict ?? null)),
    { title: 'verdict', text: verdictsText, definition: 'oneSidedEnds' },
  ],
];

const pointColumns: Columns<RunLine> = resultColumns.map(
  (column) => inOwnWords.find(([name]) => name === column[0]) ?? ofParts(column, resultsOf),
);

const unprunedColumns: Columns<RunLine> = [
  number('unpruned', ({ value }: SweepResult) => value, 'unpruned', inUnits, 'unprunedLine'),
  number('chance', ({ chance }: SweepResult) => chance?.accuracy, 'chance', inUnits, 'chance'),
].map((column) => ofParts(column, unprunedOf));

const headlineNames = [
  { name: 'threshold', title: 'threshold' },
  { name: 'threshold_in_words', title: 'bracket' },
];
const thresholdColumns = headlineColumns.map(([, value, shown], index): Column<RunLine> => {
  const { name, title } = at(headlineNames, index);
  return ofParts([name, value, { ...shown, title }], ({ thresholds }) => thresholds);
});

/** "2026-11-28 15:33", in universal time as the manifest has it. */
const momentText = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

/** Every column of the table; those of points are all of `resultColumns`. */
export const runColumns: Columns<RunLine> = [
  ['run', ({ run }) => run.id],
  ['name', ({ name }) => name, { title: 'run' }],
  ['kind', ({ run }) => run.kind, { title: 'kind' }],
  [
    'state',
    ({ run }) =>
      run.damaged === undefined ? [run.state, provenanceBadge(run.provenance) ?? []].flat().join(', ') : 'damaged',
    { title: 'state' },
  ],
  ['created_at', ({ run }) => run.createdAt, { title: 'created (UTC)', text: ({ run }) => momentText(run.createdAt) }],
  ...pointColumns.slice(0, 1 + pointColumns.findIndex(([name]) => name === 'n')),
  ...unprunedColumns,
  ...pointColumns.slice(1 + pointColumns.findIndex(([name]) => name === 'n')),
  ...thresholdColumns,
  number('duration_ms', ({ run }) => runDurationMs(run), 'duration', formatDuration, 'runDuration'),
  ['tags', ({ run }) => (run.label?.tags ?? []).join(' ') || null, { title: 'tags' }],
  ['note', ({ run }) => run.label?.note ?? null, { title: 'note' }],
  ['command', ({ command }) => command, { title: 'command', definition: 'equivalentCommand' }],
];

/** Columns that the table begins with; the difference and how it is read stand beside the name, in sight at any width. */
export const RUNS_SHOWN: readonly string[] = (
  'name difference interval verdict threshold model method factor task n unpruned chance bytes duration_ms tags ' +
  'command'
).split(' ');

/** The columns that can be chosen, in the order in which the table has them. */
export const RUNS_OFFERED: Columns<RunLine> = [
  ...pick(runColumns, RUNS_SHOWN.join(' ')),
  ...runColumns.filter(([name, , shown]) => shown !== undefined && !RUNS_SHOWN.includes(name)),
];

/** Columns that the runs can be grouped by. */
export const RUN_GROUPS = ['model', 'task', 'method', 'kind', 'state', 'tags'] as const;
export type RunGroup = (typeof RUN_GROUPS)[number];

/** A run is sorted by the smallest of its points' values where they rise, by the largest where they fall. */
const runCell = (column: Column<RunLine>, { line, points }: RunEntry, descending: boolean, names: Names): Cell => {
  const sortValue = sortCell(column, line, names);
  if (sortValue !== null || points.length === 0) return sortValue;
  const [first = null] = sortedBy(
    points.map((point) => sortCell(column, point, names)),
    (cell) => cell,
    descending,
  );
  return first;
};

/** A row on screen: the heading of a group, a run, or a point of an unfolded one. */
export type RunRow =
  | { readonly is: 'group'; readonly key: string; readonly title: string; readonly count: number }
  | { readonly is: 'run'; readonly key: string; readonly entry: RunEntry; readonly isOpen: boolean }
  | { readonly is: 'point'; readonly key: string; readonly line: RunLine };

export interface RunsOrder {
  readonly sort: TableSort | null;
  readonly group: RunGroup | null;
  /** Ids of runs that stay on top. */
  readonly pinned: readonly string[];
  /** Ids of runs whose points are shown. */
  readonly unfolded: readonly string[];
}

const lineKey = ({ run, points: [point] }: RunLine): string =>
  JSON.stringify([run.id, point === undefined ? null : pointNameKey(point.result)]);

/** The rows of runs, in their order where no other is chosen; points are sorted within their run. */
export const runRows = (
  entries: readonly RunEntry[],
  { sort, group, pinned, unfolded }: RunsOrder,
  names: Names,
): readonly RunRow[] => {
  const column = sort === null ? undefined : runColumns.find(([name]) => name === sort.column);
  const descending = sort?.descending ?? false;
  const ordered =
    column === undefined
      ? entries
      : sortedBy(entries, (entry) => runCell(column, entry, descending, names), descending);
  const isPinned = ({ line }: RunEntry): boolean => pinned.includes(line.run.id);
  const open = new Set(unfolded);
  const rowsOf = (entry: RunEntry): readonly RunRow[] => {
    const { line, points } = entry;
    const isOpen = open.has(line.run.id);
    const shown =
      column === undefined ? points : sortedBy(points, (point) => sortCell(column, point, names), descending);
    return [
      { is: 'run', key: line.run.id, entry, isOpen },
      ...(isOpen ? shown.map((point): RunRow => ({ is: 'point', key: lineKey(point), line: point })) : []),
    ];
  };
  const rest = ordered.filter((entry) => !isPinned(entry));
  const top = ordered.filter(isPinned).flatMap(rowsOf);
  if (group === null) return [...top, ...rest.flatMap(rowsOf)];
  const titleOf = (entry: RunEntry): string => groupTitle(group, entry, names);
  return [
    ...top,
    ...groupBy(rest, titleOf).flatMap((members): readonly RunRow[] => {
      const title = titleOf(members[0]);
      return [{ is: 'group', key: `group ${title}`, title, count: members.length }, ...members.flatMap(rowsOf)];
    }),
  ];
};

const groupTitle = (group: RunGroup, { line }: RunEntry, names: Names): string => {
  const column = runColumns.find(([name]) => name === group);
  const text = column?.[2]?.text === undefined ? column?.[1]?.(line) : column[2].text(line, names);
  return text === null || text === undefined || text === '' ? `no ${group === 'tags' ? 'tag' : group}` : String(text);
};

/** Every point of these runs, one a line, and each run without points on a line of its own. */
export const runsCsv = (entries: readonly RunEntry[], manifest: RunsRecord): string =>
  csvTable(
    manifest,
    runColumns,
    entries.flatMap(({ line, points }) => (points.length > 0 ? points : [line])),
  );
