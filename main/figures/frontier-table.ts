import { weightsOfLabel } from '../contract/method.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import type { ComparedSizes } from '../contract/frontier.ts';
import { type FrontierPoint, frontierPoints, pairReadingText } from '../evaluation/frontier.ts';
import {
  bareFactor,
  formatBytes,
  formatDifference,
  formatInterval,
  formatPercent,
  formatProbability,
  formatRoughPercent,
} from '../words/numbers.ts';
import {
  amount,
  asDifference,
  type Columns,
  differenceColumns,
  field,
  inUnits,
  number,
  truncationColumn,
} from './columns.ts';
import { csvTable } from './csv.ts';
import { pointInTaskText } from './slice-table.ts';

const inResultUnits = (value: number, { result }: FrontierPoint): string => inUnits(value, result);
const asResultDifference = (value: number, { result }: FrontierPoint): string => asDifference(value, result);

/** Accuracy against bytes; `undominated`: no other model is at least as good in no more bytes. */
export const frontierColumns: Columns<FrontierPoint> = [
  ['model', ({ result }) => result.model, { title: 'model' }],
  ['task', ({ result }) => result.task, { title: 'task' }],
  ['method', ({ result }) => weightsOfLabel(result.method).bare, { title: 'method' }],
  ['seed', ({ result }) => result.seed, { title: 'seed', numeric: true }],
  ['weights', ({ weights }) => weights ?? 'stored', { title: 'weights' }],
  ['factor', ({ result }) => result.factor, amount('factor', ({ result }) => bareFactor(result.factor))],
  ['bytes', ({ bytes }) => bytes, amount('size', ({ bytes }) => formatBytes(bytes))],
  ['share', ({ share }) => share, amount('of whole', ({ share }) => formatPercent(share))],
  ['metric', ({ result }) => result.metric],
  number('value', ({ result }) => result.value, 'value', inResultUnits),
  number('difference', ({ result }) => result.difference, 'difference', asResultDifference),
  ['low', ({ result }) => result.low],
  ['high', ({ result }) => result.high],
  ['interval', null, { title: '95 % interval', text: ({ result }) => formatInterval(result, result.metric) }],
  truncationColumn(({ truncationMeasured }) => truncationMeasured === true),
  [
    'undominated',
    ({ isUndominated }) => Number(isUndominated),
    { title: 'undominated', text: ({ isUndominated }) => (isUndominated ? 'yes' : '') },
  ],
];

const sideColumns = (side: 'pruned' | 'quantised'): Columns<ComparedSizes> => {
  const sizeText = (bytes: number, row: ComparedSizes): string =>
    `${formatBytes(bytes)}, ${formatRoughPercent(row[side].share)}`;
  const unprunedText = (difference: number, row: ComparedSizes): string =>
    `${formatDifference(difference, row.metric)} ${formatInterval(row[side], row.metric)}`;
  return [
    [side, (row) => pointInTaskText(row[side]), { title: side }],
    number(`${side}_bytes`, (row) => row[side].bytes, 'size', sizeText),
    number(`${side}_difference`, (row) => row[side].difference, 'to unpruned', unprunedText, 'pairedDifference'),
  ];
};

/** Pairs of a pruned and a quantised model of about the same bytes. */
export const comparedSizesColumns: Columns<ComparedSizes> = [
  ['task', ({ task }) => task, { title: 'task', text: ({ task }, names) => names.task(task) }],
  ...differenceColumns('comparedSizes'),
  [
    'reading',
    ({ reading }) => reading,
    { title: 'reading', definition: 'comparedSizes', text: ({ reading }) => pairReadingText(reading) },
  ],
  field('pHolm', 'p (Holm)', formatProbability, 'holm'),
  ...sideColumns('pruned'),
  ...sideColumns('quantised'),
];

/** Null where a sweep measured stored weights only. */
export const frontierCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const points = frontierPoints(document.results);
  return points.some(({ weights }) => weights !== null) ? csvTable(manifest, frontierColumns, points) : null;
};
