import { weightsOfLabel } from '../contract/method.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { type FrontierPoint, frontierPoints } from '../evaluation/frontier.ts';
import {
  bareFactor,
  formatBytes,
  formatDifference,
  formatInterval,
  formatPercent,
  formatValue,
} from '../words/numbers.ts';
import { amount, type Columns, truncationColumn } from './columns.ts';
import { csvTable } from './csv.ts';

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

/** Null where a sweep measured stored weights only. */
export const frontierCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const points = frontierPoints(document.results);
  return points.some(({ weights }) => weights !== null) ? csvTable(manifest, frontierColumns, points) : null;
};
