import type { SweepDocument } from '../contract/sweep.ts';
import { choiceAndWriting, reachSummary } from '../evaluation/choice-and-writing.ts';
import { luckSentences } from '../evaluation/calibration-luck.ts';
import { kindColumns, luckColumns, luckRows } from '../figures/tables.ts';
import { columnsTable, html, type HtmlNode } from './html.ts';
import { luckFigures } from './report-figures.ts';
import type { ReportSource } from './report-source.ts';

/** Thresholds of tasks measured with both kinds of answers, side by side; empty if there are none. */
export const choiceAndWritingTable = (document: SweepDocument): HtmlNode[] => {
  const pairs = choiceAndWriting(document);
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return [];
  return [
    html('h3', {}, 'Chosen and written answers'),
    ...(summary === null ? [] : [html('p', {}, summary)]),
    html(
      'details',
      {},
      html('summary', {}, `All ${pairs.length} pairs as a table`),
      columnsTable(
        'The same items and the same plans: how far a task is safe if the model chooses among answers, and ' +
          'if it writes them.',
        kindColumns,
        pairs,
      ),
    ),
  ];
};

/** Plans made from calibration items that were drawn again, in sentences and as a table; empty if there are none. */
export const luckTable = (source: Pick<ReportSource, 'document' | 'manifest'>): HtmlNode[] => {
  const { document } = source;
  const rows = luckRows(document);
  if (rows.length === 0) return [];
  return [
    html('h3', {}, 'Calibration draws'),
    ...luckSentences(document).map((sentence) => html('p', {}, sentence)),
    html(
      'details',
      {},
      html('summary', {}, 'Values of the draws over the number of calibration items'),
      luckFigures(source),
    ),
    html(
      'details',
      {},
      html('summary', {}, `All ${rows.length} points over their draws as a table`),
      columnsTable(
        'The calibration items drawn again with replacement: the plans of each draw on the same test items.',
        luckColumns,
        rows,
      ),
    ),
  ];
};
