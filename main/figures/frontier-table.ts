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
  formatValue,
} from '../words/numbers.ts';
import { amount, type Columns, differenceColumns, number, truncationColumn } from './columns.ts';
import { csvTable } from './csv.ts';
import { pointInTaskText } from './slice-table.ts';

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
  ['value', ({ result }) => result.value, amount('value', ({ result }) => formatValue(result.value, result.metric))],
  [
    'difference',
    ({ result }) => result.difference,
    amount('difference', ({ result }) => formatDifference(result.difference, result.metric)),
  ],
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

const sideColumns = (side: 'pruned' | 'quantised'): Columns<ComparedSizes> => [
  [side, (row) => pointInTaskText(row[side]), { title: side }],
  [
    `${side}_bytes`,
    (row) => row[side].bytes,
    amount('size', (row) => `${formatBytes(row[side].bytes)}, ${formatRoughPercent(row[side].share)}`),
  ],
  [
    `${side}_difference`,
    (row) => row[side].difference,
    amount(
      'to unpruned',
      (row) => `${formatDifference(row[side].difference, row.metric)} ${formatInterval(row[side], row.metric)}`,
      'pairedDifference',
    ),
  ],
];

/** Pairs of a pruned and a quantised model of about the same bytes. */
export const comparedSizesColumns: Columns<ComparedSizes> = [
  ['task', ({ task }) => task, { title: 'task', text: ({ task }, names) => names.task(task) }],
  ...differenceColumns('comparedSizes'),
  [
    'reading',
    ({ reading }) => reading,
    { title: 'reading', definition: 'comparedSizes', text: ({ reading }) => pairReadingText(reading) },
  ],
  number('p_holm', ({ pHolm }) => pHolm, 'p (Holm)', formatProbability, 'holm'),
  ...sideColumns('pruned'),
  ...sideColumns('quantised'),
];

/** Null where a sweep measured stored weights only. */
export const frontierCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const points = frontierPoints(document.results);
  return points.some(({ weights }) => weights !== null) ? csvTable(manifest, frontierColumns, points) : null;
};
