import type { BesideDifference, LikelyToken } from '../contract/beside.ts';
import type {
  CompareDocument,
  CompareMethod,
  CompareRecovery,
  CompareRow,
  CompareTask,
  SweepsRow,
} from '../contract/compare.ts';
import type { DamageDocument, ExpertDamage } from '../contract/damage.ts';
import { curveLabel } from '../contract/method.ts';
import type { FlippedItem, Reproduction, RewrittenItem } from '../contract/reproduction.ts';
import type { RunManifest } from '../contract/run.ts';
import type { PointName, Threshold } from '../contract/sweep.ts';
import {
  amount,
  asDifference,
  type Column,
  type Columns,
  column,
  differenceColumns,
  field,
  factorColumn,
  inUnits,
  itemsColumn,
  lostGainedColumns,
  methodColumn,
  type Names,
  number,
  pColumn,
  taskColumn,
} from './columns.ts';
import { csvTable } from './csv.ts';
import { curveColumns } from './tables.ts';
import { shownProbability, shownToken } from '../words/beside.ts';
import {
  pairedRangeText,
  rankIntervalText,
  rankText,
  readingText,
  recoveryText,
  sharedRankText,
} from '../words/comparisons.ts';
import { bareFactor, formatCount, formatFixed, formatProbability } from '../words/numbers.ts';
import { bracketWords, thresholdValue } from '../words/verdicts.ts';

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

const inTaskUnits = (value: number, { task }: CompareLine): string => inUnits(value, task);
const asTaskDifference = (value: number, { task }: CompareLine): string => asDifference(value, task);

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
  number('value', ({ row }) => row.value, 'value', inTaskUnits, 'value'),
  column('over_draws', null, {
    title: 'over draws',
    numeric: true,
    definition: 'seeds',
    text: ({ task, row: { seeds, lowest, highest } }) =>
      seeds.length > 1 ? `${inUnits(lowest, task)} to ${inUnits(highest, task)}` : null,
  }),
  ['lowest', ({ row }) => row.lowest],
  ['highest', ({ row }) => row.highest],
  ['reference', ({ task }) => task.reference],
  number('difference', ({ row }) => row.paired?.difference, 'difference', asTaskDifference, 'methodDifference'),
  column('interval', null, {
    title: '95 % interval',
    numeric: true,
    definition: 'methodDifference',
    text: ({ task, row }) => row.paired && pairedRangeText(row.paired, task.metric),
  }),
  ['low', ({ row }) => row.paired?.interval?.low ?? null],
  ['high', ({ row }) => row.paired?.interval?.high ?? null],
  number('p', ({ row }) => row.paired?.p, 'p', formatProbability, 'mcnemar'),
  number('p_holm', ({ row }) => row.pHolm, 'p (Holm)', formatProbability, 'holm'),
  number('lost', ({ row }) => row.paired?.lost, 'lost', meanItems, 'methodLostGained'),
  number('gained', ({ row }) => row.paired?.gained, 'gained', meanItems, 'methodLostGained'),
  column('reading', ({ row }) => row.reading, {
    title: 'reading',
    definition: 'compareReading',
    text: ({ task, row }) => (row.reading === null && row.method !== task.reference ? null : readingText(row.reading)),
  }),
  ['lowest_difference', ({ row }) => row.paired?.lowest ?? null],
  ['highest_difference', ({ row }) => row.paired?.highest ?? null],
  ['pairs_of_draws', ({ row }) => row.paired?.pairs.length ?? null],
  ['pairs_better', ({ row }) => row.paired?.better ?? null],
  ['pairs_worse', ({ row }) => row.paired?.worse ?? null],
];

/** Comparisons of the methods of a sweep: one method on one task per line, model after model. */
export const comparisonsCsv = (comparisons: readonly CompareDocument[], manifest: RunManifest): string =>
  csvTable(manifest, compareColumns, comparisons.flatMap(compareLines));

/** Columns of `compareLines` for readers: behind the names, the difference and how it is read. */
export const COMPARE_SHOWN =
  'task rank method difference interval reading factor value over_draws draws n p p_holm lost gained';

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

export const recoveryTaskColumns: Columns<RecoveryLine> = [
  ['method', ({ method }) => method, { title: 'method', text: recoveryName }],
  taskColumn,
  number('difference', ({ paired }) => paired.difference, 'difference', asDifference, 'recoveryDifference'),
  [
    'interval',
    null,
    amount('95 % interval', ({ paired, metric }) => pairedRangeText(paired, metric), 'recoveryDifference'),
  ],
  ['reading', null, { title: 'reading', definition: 'compareReading', text: ({ reading }) => recoveryText(reading) }],
  itemsColumn,
  field('bare', 'without', inUnits),
  field('recovered', 'with', inUnits),
  number('p', ({ paired }) => paired.p, 'p', formatProbability, 'mcnemar'),
];

const both = (ofMethod: string, reference: string): string =>
  ofMethod === reference ? ofMethod : `${ofMethod} for ${reference}`;

const sharedItemsText = ({ items, n, referenceN }: SweepsRow): string =>
  items === 'other'
    ? `${formatCount(n)} and ${formatCount(referenceN)}, unpaired`
    : `${formatCount(n)}${items === 'common' ? ' shared' : ''}, paired`;

/** A candidate of one sweep against that of another. */
export const sweepsColumns: Columns<SweepsRow> = [
  ['model', null, { title: 'model', text: ({ model, referenceModel }) => both(model, referenceModel) }],
  taskColumn,
  column('method', null, {
    title: 'method',
    text: ({ method, referenceMethod }, names) => both(names.method(method), names.method(referenceMethod)),
  }),
  factorColumn,
  ['items', null, { title: 'items', text: sharedItemsText, definition: 'items' }],
  field('value', 'value', inUnits, 'value'),
  number('reference', ({ referenceValue }) => referenceValue, 'reference', inUnits, 'sweepsReference'),
  field('difference', 'difference', asDifference, 'sweepsDifference'),
  ['interval', null, amount('95 % interval', (row) => pairedRangeText(row, row.metric), 'sweepsDifference')],
  pColumn,
  field('pHolm', 'p (Holm)', formatProbability, 'sweepsHolm'),
  column('reading', ({ reading }) => reading, {
    title: 'reading',
    definition: 'sweepsReading',
    text: ({ reading }) => (reading === null ? null : readingText(reading)),
  }),
];

/** The task without one expert of a layer, for each expert; the value's title is the metric. */
export const damageColumns = ({
  metric,
}: Pick<DamageDocument, 'metric'>): Columns<ExpertDamage & Pick<DamageDocument, 'metric'>> => [
  ['expert', ({ expert }) => expert, amount('expert gone', undefined, 'damageAlone')],
  field('value', metric, inUnits, metric),
  ...differenceColumns('pairedDifference'),
  ...lostGainedColumns,
  pColumn,
];

interface LikelyRow {
  readonly rank: number;
  readonly unpruned: LikelyToken | undefined;
  readonly pruned: LikelyToken | undefined;
}

/** Both lists of likeliest tokens, by rank. */
export const likelyRows = ({ unpruned, pruned }: BesideDifference): readonly LikelyRow[] =>
  Array.from({ length: Math.max(unpruned.length, pruned.length) }, (_, index) => ({
    rank: index + 1,
    unpruned: unpruned[index],
    pruned: pruned[index],
  }));

/** Likeliest next tokens of the unpruned model and of a plan after the same text. */
export const likelyColumns = (plan: string): Columns<LikelyRow> => [
  ['rank', ({ rank }) => rank, { title: 'rank' }],
  ...(['unpruned', 'pruned'] as const).flatMap((side): Columns<LikelyRow> => [
    [
      side,
      ({ [side]: token }) => (token === undefined ? null : shownToken(token.text)),
      { title: side === 'unpruned' ? side : plan },
    ],
    number(`${side}_probability`, (row) => row[side]?.probability, 'probability', shownProbability, 'tokenProbability'),
  ]),
];

/** Experts that the unpruned model used at the first difference, per MoE layer, and those that are gone. */
export const goneColumns: Columns<BesideDifference['layers'][number] & { readonly layer: number }> = [
  ['layer', ({ layer }) => layer, { title: 'MoE layer' }],
  ['experts', null, { title: 'experts used', text: ({ experts }) => experts.join(', '), definition: 'usedExperts' }],
  ['gone', null, { title: 'gone', text: ({ gone }) => (gone.length === 0 ? 'none' : gone.join(', ')) }],
];

export const goneRows = ({ layers }: BesideDifference) => layers.map((each, layer) => ({ ...each, layer }));

const scoresText = ({ chosen, scores }: FlippedItem['before']): string =>
  `${chosen} of ${scores.map((score) => formatFixed(score, 6)).join(', ')}`;

const writtenText = ({ text, correct }: RewrittenItem['before']): string =>
  `${JSON.stringify(text)} (${correct ? 'right' : 'wrong'})`;

const thresholdText = (threshold: Threshold): string => `${thresholdValue(threshold)} (${bracketWords(threshold)})`;

const pointColumns: Columns<PointName> = [...curveColumns, factorColumn];
const itemColumn: Column<{ readonly item: string }> = ['item', ({ item }) => item, { title: 'item' }];

/** Both scores, and which choice they make. */
const flippedColumns: Columns<FlippedItem> = [
  itemColumn,
  ...pointColumns,
  ['answer', ({ answer }) => answer, amount('right')],
  ['before', null, { title: 'before', text: ({ before }) => scoresText(before) }],
  ['after', null, { title: 'now', text: ({ after }) => scoresText(after) }],
];

const rewrittenColumns: Columns<RewrittenItem> = [
  itemColumn,
  ...pointColumns,
  ['before', ({ before }) => writtenText(before), { title: 'before' }],
  ['after', ({ after }) => writtenText(after), { title: 'now' }],
];

/** In full precision, because any difference counts. */
const changedColumns: Columns<Reproduction['changed'][number]> = [
  ...pointColumns,
  ['metric', ({ metric }) => metric, { title: 'metric' }],
  ['before', ({ before }) => before, amount('before')],
  ['after', ({ after }) => after, amount('now')],
];

const movedColumns: Columns<Threshold & { readonly after: Threshold }> = [
  ...curveColumns,
  ['before', null, { title: 'before', text: thresholdText }],
  ['after', null, { title: 'now', text: ({ after }) => thresholdText(after) }],
];

/** Draws each list of differences that a reproduction found, under its title. */
export const reproductionTables = <R>(
  { changed, flipped, rewritten = [], thresholds, missing, added, replanned }: Reproduction,
  draw: <T>(title: string, columns: Columns<T>, rows: readonly T[]) => R,
): readonly R[] => {
  const table = <T>(title: string, columns: Columns<T>, rows: readonly T[]): readonly R[] =>
    rows.length === 0 ? [] : [draw(title, columns, rows)];
  const moved = thresholds.map(({ before, after }) => ({ ...before, after }));
  return [
    ...table('Values that changed', changedColumns, changed),
    ...table('Items that flipped (choices and answers counted from 0)', flippedColumns, flipped),
    ...table('Items with different written answers', rewrittenColumns, rewritten),
    ...table('Thresholds that changed', movedColumns, moved),
    ...table('Points that were not measured again', pointColumns, missing),
    ...table('Points that the first run did not measure', pointColumns, added),
    ...table('Points with a different plan', pointColumns, replanned ?? []),
  ];
};
