import type { SweepsRow } from '../contract/compare-sweeps.ts';
import type { CompareDocument, CompareMethod, CompareRecovery, CompareRow, CompareTask } from '../contract/compare.ts';
import { curveLabel } from '../contract/method.ts';
import type { RunManifest } from '../contract/run.ts';
import {
  amount,
  asDifference,
  type Columns,
  factorColumn,
  inUnits,
  itemsColumn,
  methodColumn,
  type Names,
  number,
  pColumn,
  taskColumn,
} from './columns.ts';
import { csvTable } from './csv.ts';
import {
  pairedRangeText,
  rankIntervalText,
  rankText,
  readingText,
  recoveryText,
  sharedRankText,
} from '../words/comparisons.ts';
import { bareFactor, formatCount, formatFixed, formatProbability, formatValue } from '../words/numbers.ts';

/** A method on one task. */
export interface CompareLine {
  readonly document: CompareDocument;
  readonly task: CompareTask;
  readonly row: CompareRow;
}

export const compareLines = (document: CompareDocument): readonly CompareLine[] =>
  document.tasks.flatMap((task) => task.rows.map((row) => ({ document, task, row })));

/** A mean number of items over pairs of draws. */
const meanItems = (count: number, { row }: CompareLine): string =>
  formatFixed(count, (row.paired?.pairs.length ?? 1) > 1 ? 1 : 0);

/** `factor_asked` is the factor at which methods are compared, `factor` the nearest one that a method reached. */
export const compareColumns: Columns<CompareLine> = [
  ['model', ({ document }) => document.model],
  ['answers', ({ document }) => document.answers],
  ['factor_asked', ({ document }) => document.factor],
  ['task', ({ task }) => task.task, { title: 'task', text: ({ task }, names) => names.task(task.task) }],
  ['metric', ({ task }) => task.metric],
  number('n', ({ task }) => task.n, 'n', formatCount, 'items'),
  ['rank', ({ row }) => row.rank, { title: 'rank', text: ({ task, row }) => sharedRankText(row, task) }],
  ['shares_best', ({ row }) => String(row.sharesBest)],
  ['method', ({ row }) => row.method, { title: 'method', text: ({ row }, names) => names.method(row.method) }],
  ['draws', ({ row }) => Math.max(1, row.seeds.length), amount('draws', undefined, 'seeds')],
  number('factor', ({ row }) => row.factor, 'factor', bareFactor, 'factor'),
  ['kept', ({ row }) => row.kept],
  number(
    'value',
    ({ row }) => row.value,
    'value',
    (value, { task }) => inUnits(value, task),
    'value',
  ),
  [
    'over_draws',
    null,
    amount(
      'over draws',
      ({ task: { metric }, row: { seeds, lowest, highest } }) =>
        seeds.length > 1 ? `${formatValue(lowest, metric)} to ${formatValue(highest, metric)}` : null,
      'seeds',
    ),
  ],
  ['lowest', ({ row }) => row.lowest],
  ['highest', ({ row }) => row.highest],
  ['reference', ({ task }) => task.reference],
  number(
    'difference',
    ({ row }) => row.paired?.difference,
    'difference',
    (difference, { task }) => asDifference(difference, task),
    'methodDifference',
  ),
  [
    'interval',
    null,
    amount(
      '95 % interval',
      ({ task, row }) => (row.paired === null ? null : pairedRangeText(row.paired, task.metric)),
      'methodDifference',
    ),
  ],
  ['low', ({ row }) => row.paired?.interval?.low ?? null],
  ['high', ({ row }) => row.paired?.interval?.high ?? null],
  number('p', ({ row }) => row.paired?.p, 'p', formatProbability, 'mcnemar'),
  number('p_holm', ({ row }) => row.pHolm, 'p (Holm)', formatProbability, 'holm'),
  number('lost', ({ row }) => row.paired?.lost, 'lost', meanItems, 'methodLostGained'),
  number('gained', ({ row }) => row.paired?.gained, 'gained', meanItems, 'methodLostGained'),
  [
    'reading',
    ({ row }) => row.reading,
    {
      title: 'reading',
      definition: 'compareReading',
      text: ({ task, row }) =>
        row.reading === null && row.method !== task.reference ? null : readingText(row.reading),
    },
  ],
  ['lowest_difference', ({ row }) => row.paired?.lowest ?? null],
  ['highest_difference', ({ row }) => row.paired?.highest ?? null],
  ['pairs_of_draws', ({ row }) => row.paired?.pairs.length ?? null],
  ['pairs_better', ({ row }) => row.paired?.better ?? null],
  ['pairs_worse', ({ row }) => row.paired?.worse ?? null],
];

/** Comparisons of the methods of a sweep: one method on one task per line, model after model. */
export const comparisonsCsv = (comparisons: readonly CompareDocument[], manifest: RunManifest): string =>
  csvTable(manifest, compareColumns, comparisons.flatMap(compareLines));

/** Columns of `compareLines` for readers. */
export const COMPARE_SHOWN =
  'task rank method draws factor n value over_draws difference interval p p_holm lost gained reading';

/** A method over all tasks. */
export const overviewColumns: Columns<CompareMethod> = [
  methodColumn,
  ['draws', ({ seeds }) => Math.max(1, seeds.length), amount('draws', undefined, 'seeds')],
  ['rank', null, amount('mean rank', rankText, 'meanRank')],
  ['interval', null, amount('95 % interval', rankIntervalText, 'meanRank')],
  ['best', null, amount('best, or =', ({ sharesBest, tasks }) => `${sharesBest} of ${tasks}`, 'sharesBest')],
  ['better', ({ better }) => better, amount('better', undefined, 'compareReading')],
  ['worse', ({ worse }) => worse, amount('worse', undefined, 'compareReading')],
  ['cannot_tell', ({ cannotTell }) => cannotTell, amount('cannot tell', undefined, 'compareReading')],
  ['draws_differ', ({ drawsDiffer }) => drawsDiffer, amount('draws differ', undefined, 'seeds')],
];

/** The method, with the refit if it is not that of the experts alone. */
const recoveryName = ({ method, refit }: Pick<CompareRecovery, 'method' | 'refit'>, names: Names): string =>
  names.method(refit === 'experts' ? method : curveLabel(method, refit));

/** Recovery of a method over all tasks. */
export const recoveryColumns: Columns<CompareRecovery> = [
  ['method', ({ method }) => method, { title: 'method', text: recoveryName }],
  ['better', ({ better }) => better, amount('better', undefined, 'recoveryDifference')],
  ['nothing', ({ nothing }) => nothing, amount('no effect seen', undefined, 'recoveryDifference')],
  ['worse', ({ worse }) => worse, amount('worse', undefined, 'recoveryDifference')],
  ['draws_differ', ({ drawsDiffer }) => drawsDiffer, amount('draws differ', undefined, 'seeds')],
  ['tasks', ({ tasks }) => tasks.length, amount('tasks')],
];

type RecoveryLine = CompareRecovery['tasks'][number] & Pick<CompareRecovery, 'method' | 'refit'>;

export const recoveryLines = ({ recoveries }: CompareDocument): readonly RecoveryLine[] =>
  recoveries.flatMap(({ method, refit, tasks }) => tasks.map((task) => ({ ...task, method, refit })));

/** Recovery of a method on one task. */
export const recoveryTaskColumns: Columns<RecoveryLine> = [
  ['method', ({ method }) => method, { title: 'method', text: recoveryName }],
  taskColumn,
  itemsColumn,
  number('bare', ({ bare }) => bare, 'without', inUnits),
  number('recovered', ({ recovered }) => recovered, 'with', inUnits),
  number('difference', ({ paired }) => paired.difference, 'difference', asDifference, 'recoveryDifference'),
  [
    'interval',
    null,
    amount('95 % interval', ({ paired, metric }) => pairedRangeText(paired, metric), 'recoveryDifference'),
  ],
  number('p', ({ paired }) => paired.p, 'p', formatProbability, 'mcnemar'),
  ['reading', null, { title: 'reading', definition: 'compareReading', text: ({ reading }) => recoveryText(reading) }],
];

const both = (own: string, reference: string): string => (own === reference ? own : `${own} for ${reference}`);

const sharedItemsText = ({ items, n, referenceN }: SweepsRow): string =>
  items === 'other'
    ? `${formatCount(n)} and ${formatCount(referenceN)}, unpaired`
    : `${formatCount(n)}${items === 'common' ? ' shared' : ''}, paired`;

/** A candidate of one sweep against that of another. */
export const sweepsColumns: Columns<SweepsRow> = [
  ['model', null, { title: 'model', text: ({ model, referenceModel }) => both(model, referenceModel) }],
  taskColumn,
  [
    'method',
    null,
    {
      title: 'method',
      text: ({ method, referenceMethod }, names) => both(names.method(method), names.method(referenceMethod)),
    },
  ],
  factorColumn,
  ['items', null, { title: 'items', text: sharedItemsText, definition: 'items' }],
  number('value', ({ value }) => value, 'value', inUnits, 'value'),
  number('reference', ({ referenceValue }) => referenceValue, 'reference', inUnits, 'sweepsReference'),
  number('difference', ({ difference }) => difference, 'difference', asDifference, 'sweepsDifference'),
  ['interval', null, amount('95 % interval', (row) => pairedRangeText(row, row.metric), 'sweepsDifference')],
  pColumn,
  number('p_holm', ({ pHolm }) => pHolm, 'p (Holm)', formatProbability, 'sweepsHolm'),
  [
    'reading',
    ({ reading }) => reading,
    {
      title: 'reading',
      definition: 'sweepsReading',
      text: ({ reading }) => (reading === null ? null : readingText(reading)),
    },
  ],
];
