import type { FamilyDocument, FamilyPair, SafeCount } from '../contract/family.ts';
import { html, htmlAll, type HtmlNode } from './html.ts';
import { printedDifference, printedFactor, printedP, printedValue } from './report-numbers.ts';
import { reportTable } from './report-table.ts';

/** Safe cases per factor and E, one table per method. */
export const safeCountTables = ({ safeCounts, methods, models }: FamilyDocument): HtmlNode => {
  const sizes = [...new Set(models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const share = ({ shares }: SafeCount, experts: number): string => {
    const found = shares.find((one) => one.experts === experts);
    return found === undefined || found.of === 0 ? '\u2013' : `${found.safe} of ${found.of}`;
  };
  return html(
    'div',
    { class: 'matrices' },
    ...methods.map((method) =>
      reportTable<SafeCount>(
        htmlAll([html('b', {}, method), ': thresholds at this factor or above']),
        [
          { title: 'factor', isNumber: true, cell: ({ factor }) => printedFactor(factor) },
          ...sizes.map((experts) => ({ title: `E = ${experts}`, isNumber: true, cell: (row: SafeCount) => share(row, experts) })),
        ],
        safeCounts.filter((one) => one.method === method),
      ),
    ),
  );
};

const pastText = ({ pastThreshold }: FamilyPair): string =>
  pastThreshold === null ? 'cannot tell' : pastThreshold ? 'past' : 'within';

/** Every comparison of a pruned large model with a small one, in a table to unfold. */
export const pairTable = ({ pairs }: FamilyDocument): HtmlNode =>
  html(
    'details',
    {},
    html('summary', {}, `All ${pairs.length} comparisons as a table`),
    reportTable<FamilyPair>(
      'Accuracies in per cent, differences in percentage points (perplexity as it stands); two-sided 95 % intervals, paired.',
      [
        { title: 'task', cell: ({ task }) => task },
        { title: 'method', cell: ({ method, seed }) => (seed === null ? method : `${method}, seed ${seed}`) },
        { title: 'pruned', cell: ({ large, largeExperts, experts }) => `${large} (${largeExperts} \u2192 ${experts})` },
        { title: 'from scratch', cell: ({ small }) => small },
        { title: 'threshold', cell: pastText },
        { title: 'n', isNumber: true, cell: ({ n }) => n },
        { title: 'pruned', isNumber: true, cell: ({ pruned, metric }) => printedValue(pruned, metric) },
        { title: 'scratch', isNumber: true, cell: ({ scratch, metric }) => printedValue(scratch, metric) },
        { title: 'difference', isNumber: true, cell: ({ difference, metric }) => printedDifference(difference, metric) },
        {
          title: '95 % interval',
          isNumber: true,
          cell: ({ low, high, metric }) => `${printedDifference(low, metric)} to ${printedDifference(high, metric)}`,
        },
        { title: 'p', isNumber: true, cell: ({ p }) => printedP(p) },
      ],
      pairs,
    ),
  );
