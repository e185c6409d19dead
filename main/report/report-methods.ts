import type { CompareDocument, CompareMethod, CompareRecovery, CompareRow, CompareTask } from '../contract/compare.ts';
import { curveLabel } from '../contract/method.ts';
import type { SweepDocument, SweepResult } from '../contract/sweep.ts';
import {
  answersText,
  pairedRangeText,
  rankIntervalText,
  rankText,
  readingText,
  sharedRankText,
} from '../words/comparisons.ts';
import type { CurtailedPoint } from '../contract/curtailed-point.ts';
import { curtailedText } from '../words/verdicts.ts';
import {
  bareFactor,
  formatBytes,
  formatDifference,
  formatDroppedShare,
  formatInterval,
  formatParameters,
  formatProbability,
  formatValue,
  UNITS_NOTE,
} from '../words/numbers.ts';
import { html, htmlAll, type HtmlNode, type ReportColumn, reportTable } from './html.ts';

const printedP = (p: number | null): string => (p === null ? '' : formatProbability(p));

const columns: readonly ReportColumn<SweepResult>[] = [
  { title: 'task', cell: ({ task }) => task },
  { title: 'method', cell: ({ method, seed }) => (seed === null ? method : `${method}, seed ${seed}`) },
  { title: 'factor', isNumber: true, cell: ({ factor }) => bareFactor(factor) },
  { title: 'kept', isNumber: true, cell: ({ kept }) => bareFactor(kept) },
  { title: 'dropped share', isNumber: true, cell: formatDroppedShare },
  { title: 'n', isNumber: true, cell: ({ n }) => n },
  { title: 'value', isNumber: true, cell: ({ value, metric }) => formatValue(value, metric) },
  {
    title: 'difference',
    isNumber: true,
    cell: ({ difference, metric, factor }) => (factor === 1 ? '' : formatDifference(difference, metric)),
  },
  {
    title: '95 % interval',
    isNumber: true,
    cell: ({ low, high, metric, factor }) => (factor === 1 ? '' : formatInterval({ low, high }, metric)),
  },
  { title: 'p', isNumber: true, cell: ({ p }) => printedP(p) },
  { title: 'verdict', cell: ({ verdict }) => verdict ?? '' },
  { title: 'lost', isNumber: true, cell: ({ lost, p }) => (p === null ? '' : lost) },
  { title: 'gained', isNumber: true, cell: ({ gained, p }) => (p === null ? '' : gained) },
];

/** Cost of points, where the document contains it. */
const costColumns: readonly ReportColumn<SweepResult>[] = [
  { title: 'bytes', isNumber: true, cell: ({ cost }) => (cost === undefined ? '' : formatBytes(cost.bytes)) },
  {
    title: 'active parameters',
    isNumber: true,
    cell: ({ cost }) => (cost === undefined ? '' : formatParameters(cost.activeParameters)),
  },
  {
    title: 'cache per token',
    isNumber: true,
    cell: ({ cost }) => (cost === undefined ? '' : formatBytes(cost.cacheBytesPerToken)),
  },
  { title: 'prompt tokens/s', isNumber: true, cell: ({ cost }) => rate(cost?.promptTokensPerSecond) },
  { title: 'written tokens/s', isNumber: true, cell: ({ cost }) => rate(cost?.decodeTokensPerSecond) },
];

const rate = (perSecond: number | undefined): number | string =>
  perSecond === undefined ? '' : Number(perSecond.toPrecision(3));

/** The columns that have values in these results. */
const columnsFor = (results: readonly SweepResult[]): readonly ReportColumn<SweepResult>[] => {
  const costs = results.flatMap(({ cost }) => (cost === undefined ? [] : [cost]));
  const known = costs.length === 0 ? 0 : costs.some(({ decodeTokensPerSecond: speed }) => speed !== undefined) ? 5 : 3;
  return [...columns, ...costColumns.slice(0, known)];
};

/** Every measured point, in a collapsible table per model. */
export const measurementTables = ({ results }: SweepDocument): HtmlNode => {
  const models = [...new Set(results.map(({ model }) => model))];
  return html(
    'div',
    {},
    models.map((model) => {
      const own = results.filter((result) => result.model === model);
      return html(
        'details',
        {},
        html('summary', {}, `${model}: ${own.length} measurements`),
        reportTable(`Differences to the unpruned model. ${UNITS_NOTE}`, columnsFor(own), own),
      );
    }),
  );
};

/** Candidates that stopped early: what their items tell, without accuracy and interval; nothing where none did. */
export const curtailedTable = ({ curtailed = [] }: SweepDocument): HtmlNode[] =>
  curtailed.length === 0
    ? []
    : [
        html(
          'details',
          {},
          html('summary', {}, `${curtailed.length} candidates that stopped early`),
          reportTable<CurtailedPoint>(
            'They stopped as soon as all items could only call them not safe: they have no accuracy and no interval.',
            [
              { title: 'model', cell: ({ model }) => model },
              { title: 'task', cell: ({ task }) => task },
              { title: 'method', cell: ({ method, seed }) => (seed === null ? method : `${method}, seed ${seed}`) },
              { title: 'factor', isNumber: true, cell: ({ factor }) => bareFactor(factor) },
              { title: 'kept', isNumber: true, cell: ({ kept }) => bareFactor(kept) },
              { title: 'dropped share', isNumber: true, cell: formatDroppedShare },
              { title: 'curtailed', cell: curtailedText },
            ],
            curtailed,
          ),
        ),
      ];

interface TaskRow {
  readonly task: CompareTask;
  readonly row: CompareRow;
}

const overviewTable = ({ overview }: CompareDocument): HtmlNode =>
  reportTable<CompareMethod>(
    'Over all tasks. Mean rank with the 95 % interval of a bootstrap over items; best, or not ' +
      'distinguishable from the best.',
    [
      { title: 'method', cell: ({ method }) => method },
      { title: 'mean rank', isNumber: true, cell: rankText },
      { title: '95 % interval', isNumber: true, cell: rankIntervalText },
      { title: 'best, or =', isNumber: true, cell: ({ sharesBest, tasks }) => `${sharesBest} of ${tasks}` },
    ],
    overview,
  );

const taskTable = ({ tasks }: CompareDocument): HtmlNode =>
  html(
    'details',
    {},
    html('summary', {}, 'Every method on every task'),
    reportTable<TaskRow>(
      `Differences to the best method of the task. ${UNITS_NOTE} = : best, or not distinguishable from the best.`,
      [
        { title: 'task', cell: ({ task }) => task.task },
        { title: 'rank', cell: ({ task, row }) => sharedRankText(row, task) },
        { title: 'method', cell: ({ row }) => row.method },
        { title: 'draws', isNumber: true, cell: ({ row }) => Math.max(1, row.seeds.length) },
        { title: 'n', isNumber: true, cell: ({ task }) => task.n },
        { title: 'value', isNumber: true, cell: ({ task, row }) => formatValue(row.value, task.metric) },
        {
          title: 'difference',
          isNumber: true,
          cell: ({ task, row }) => (row.paired === null ? '' : formatDifference(row.paired.difference, task.metric)),
        },
        {
          title: '95 % interval',
          isNumber: true,
          cell: ({ task, row }) => (row.paired === null ? '' : pairedRangeText(row.paired, task.metric)),
        },
        { title: 'p', isNumber: true, cell: ({ row }) => printedP(row.paired?.p ?? null) },
        { title: 'p (Holm)', isNumber: true, cell: ({ row }) => printedP(row.pHolm) },
        { title: 'reading', cell: ({ row }) => readingText(row.reading) },
      ],
      tasks.flatMap((task) => task.rows.map((row) => ({ task, row }))),
    ),
  );

const recoveryTable = ({ recoveries }: CompareDocument): HtmlNode[] =>
  recoveries.length === 0
    ? []
    : [
        reportTable<CompareRecovery>(
          'Recovery against the same plans without, paired: on how many tasks the interval of the difference ' +
            'leaves out 0.',
          [
            { title: 'method', cell: ({ method, refit }) => curveLabel(method, refit) },
            { title: 'better', isNumber: true, cell: ({ better }) => better },
            { title: 'nothing', isNumber: true, cell: ({ nothing }) => nothing },
            { title: 'worse', isNumber: true, cell: ({ worse }) => worse },
            { title: 'draws differ', isNumber: true, cell: ({ drawsDiffer }) => drawsDiffer },
            { title: 'tasks', isNumber: true, cell: ({ tasks }) => tasks.length },
          ],
          recoveries,
        ),
      ];

/** Comparisons of methods, a section per model at its middle factor and kind of answers. */
export const methodComparisons = (comparisons: readonly CompareDocument[]): HtmlNode[] =>
  comparisons.flatMap((comparison) => [
    html('h3', {}, `${comparison.model} at factor ${bareFactor(comparison.factor)}${answersText(comparison)}`),
    ...comparison.findings.map((finding) => html('p', {}, finding)),
    overviewTable(comparison),
    ...recoveryTable(comparison),
    taskTable(comparison),
    html('ul', { class: 'notes' }, htmlAll(comparison.notes.map((note) => html('li', {}, note)))),
  ]);
