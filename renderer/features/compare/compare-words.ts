import { BEST_REFERENCE, type CompareRow, type CompareTask } from '../../../main/contract/compare.ts';
import { UNPRUNED } from '../../../main/contract/sweep.ts';
import { pairCountsText, pairedRangeText, taskRankText, readingText } from '../../../main/words/comparisons.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import {
  differenceUnit,
  formatCount,
  formatDifference,
  formatFactor,
  formatFixed,
  formatP,
  formatProbability,
  formatValue,
} from '../../../main/words/numbers.ts';

/** Name of a reference in controls and captions. */
export const referenceTitle = (reference: string): string =>
  reference === BEST_REFERENCE ? 'best of each task' : reference === UNPRUNED ? 'unpruned' : methodTitle(reference);

/** Exact numbers of a method on a task, one per line. */
export const rowLines = (row: CompareRow, task: CompareTask): readonly string[] => {
  const { metric, n, reference } = task;
  const { seeds, value, lowest, highest, factor, paired, pHolm, sharesBest } = row;
  const draws =
    seeds.length > 1
      ? `, mean of ${formatCount(seeds.length)} draws (${formatValue(lowest, metric)} to ` +
        `${formatValue(highest, metric)})`
      : '';
  const holm = pHolm === null ? '' : `, after Holm ${formatProbability(pHolm)}`;
  return [
    `rank ${taskRankText(row, task)} of ${formatCount(task.rows.length)} at ${formatFactor(factor)}: ` +
      `${formatValue(value, metric)}${metric === 'perplexity' ? '' : ' %'}${draws}, n ${formatCount(n)}`,
    ...(paired === null || reference === null
      ? []
      : [
          `minus ${referenceTitle(reference)}: ${formatDifference(paired.difference, metric)} ` +
            (paired.pairs.length > 1
              ? `${differenceUnit(metric).trim()} (${pairedRangeText(paired, metric)}), `
              : `${pairedRangeText(paired, metric)}${differenceUnit(metric)}, `) +
            readingText(row.reading),
          ...(paired.pairs.length > 1 ? [pairCountsText(paired)] : []),
          ...(paired.p === null
            ? []
            : [
                `${formatP(paired.p)}${holm}; ` +
                  `${formatFixed(paired.lost, paired.pairs.length > 1 ? 1 : 0)} lost, ` +
                  `${formatFixed(paired.gained, paired.pairs.length > 1 ? 1 : 0)} gained`,
              ]),
        ]),
    sharesBest
      ? row.rank === 1
        ? 'best value'
        : `not distinguishable from the best${seeds.length > 1 ? ' in any draw' : ''}`
      : `worse than the best${seeds.length > 1 ? ' in at least one draw' : ''}`,
  ];
};
