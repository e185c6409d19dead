import type { SweepDocument, SweepResult } from '../contract/sweep.ts';
import { html, type HtmlNode } from './html.ts';
import { printedDifference, printedFactor, printedP, printedValue } from './report-numbers.ts';
import { reportTable, type ReportColumn } from './report-table.ts';

const columns: readonly ReportColumn<SweepResult>[] = [
  { title: 'task', cell: ({ task }) => task },
  { title: 'method', cell: ({ method, seed }) => (seed === null ? method : `${method}, seed ${seed}`) },
  { title: 'factor', isNumber: true, cell: ({ factor }) => printedFactor(factor) },
  { title: 'kept', isNumber: true, cell: ({ kept }) => printedFactor(kept) },
  { title: 'n', isNumber: true, cell: ({ n }) => n },
  { title: 'value', isNumber: true, cell: ({ value, metric }) => printedValue(value, metric) },
  {
    title: 'difference',
    isNumber: true,
    cell: ({ difference, metric, factor }) => (factor === 1 ? '' : printedDifference(difference, metric)),
  },
  {
    title: '95 % interval',
    isNumber: true,
    cell: ({ low, high, metric, factor }) => (factor === 1 ? '' : `${printedDifference(low, metric)} to ${printedDifference(high, metric)}`),
  },
  { title: 'p', isNumber: true, cell: ({ p }) => printedP(p) },
  { title: 'lost', isNumber: true, cell: ({ lost, p }) => (p === null ? '' : lost) },
  { title: 'gained', isNumber: true, cell: ({ gained, p }) => (p === null ? '' : gained) },
];

/** Every measured point, a table per model to unfold. */
export const measurementTables = ({ results }: SweepDocument): HtmlNode => {
  const models = [...new Set(results.map(({ model }) => model))];
  return html(
    'div',
    {},
    ...models.map((model) => {
      const own = results.filter((result) => result.model === model);
      const caption = 'Accuracies in per cent, differences to the unpruned model in percentage points (perplexity as it stands); two-sided 95 % intervals, paired.';
      return html('details', {}, html('summary', {}, `${model}: ${own.length} measurements`), reportTable(caption, columns, own));
    }),
  );
};
