import type { ItemSlice, PointInTask, SliceBy } from '../contract/slices.ts';
import { UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { readingText } from '../words/comparisons.ts';
import { methodTitle } from '../words/methods.ts';
import { formatCount, formatFactor, formatProbability } from '../words/numbers.ts';
import { shownToken } from '../words/beside.ts';
import { OTHER_TOKENS } from '../evaluation/item-slices.ts';
import { type Columns, differenceColumns, field, inUnits, itemsColumn, pColumn } from './columns.ts';

/** A slice with the metric of its task. */
export interface SliceRow extends ItemSlice {
  readonly metric: MetricName;
}

/** What slices are grouped by, in words. */
export const sliceKindText = (by: SliceBy): string =>
  ({
    all: 'all items',
    length: 'length of the question',
    class: 'class of the answer’s first token',
    token: 'first token of the answer',
  })[by];

/** The name of a slice; tokens with visible spaces. */
export const sliceName = ({ by, name }: Pick<ItemSlice, 'by' | 'name'>): string =>
  by === 'all' ? 'all items' : by === 'token' && name !== OTHER_TOKENS ? shownToken(name) : name;

/** "REAP ×4, seed 1", or the model with every expert at its weights. */
export const pointInTaskText = ({ method, factor, seed }: PointInTask): string => {
  if (method === UNPRUNED) return 'unpruned';
  const parts = [methodTitle(method), ...(factor > 1 ? [formatFactor(factor)] : [])].join(' ');
  return seed === null ? parts : `${parts}, seed ${seed}`;
};

/** What a reader needs first stands first: the difference with its interval, and how it is read. */
export const sliceColumns: Columns<SliceRow> = [
  ['by', ({ by }) => by],
  ['slice', ({ name }) => name, { title: 'slice', definition: 'itemSlices', text: sliceName }],
  ...differenceColumns('sliceDifference'),
  [
    'reading',
    ({ reading }) => reading,
    { title: 'reading', definition: 'compareReading', text: ({ reading }) => readingText(reading) },
  ],
  field('lost', 'lost', formatCount, 'sliceDifference'),
  field('gained', 'gained', formatCount, 'sliceDifference'),
  itemsColumn,
  field('first', 'first', inUnits, 'value'),
  field('second', 'second', inUnits, 'value'),
  pColumn,
  field('pHolm', 'p (Holm)', formatProbability, 'holm'),
];
