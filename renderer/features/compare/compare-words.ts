import {
  BEST_REFERENCE,
  type CompareDocument,
  type CompareMethod,
  type CompareReading,
  type CompareRow,
  type CompareTask,
  type PairedDifference,
} from '../../../main/contract/compare.ts';
import { assertNever } from '../../../main/contract/errors.ts';
import { UNPRUNED } from '../../../main/contract/sweep.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import {
  differenceText,
  formatCount,
  formatFactor,
  formatFixed,
  formatProbability,
  valueText,
} from '../../format/format-number.ts';
import { methodTitle } from '../../plan/methods.ts';

/** Name of a reference, as the control and the captions say it. */
export const referenceTitle = (reference: string): string =>
  reference === BEST_REFERENCE ? 'best of each task' : reference === UNPRUNED ? 'unpruned' : methodTitle(reference);

/** "1", or "2–3" for two methods of the same value. */
export const placeText = ({ place }: CompareRow, { rows }: CompareTask): string => {
  const half = (rows.filter((row) => row.place === place).length - 1) / 2;
  return half === 0 ? formatCount(place) : `${formatCount(place - half)}–${formatCount(place + half)}`;
};

export const readingWords = (reading: CompareReading | null): string => {
  switch (reading) {
    case null:
      return 'reference';
    case 'better':
      return 'better';
    case 'worse':
      return 'worse';
    case 'cannot-tell':
      return 'cannot tell';
    default:
      return assertNever(reading);
  }
};

/** A mark beside a number: the interval leaves out 0. */
export const readingMark = (reading: CompareReading | null): string =>
  reading === 'better' ? '▲' : reading === 'worse' ? '▼' : '';

export const intervalText = ({ low, high }: Pick<PairedDifference, 'low' | 'high'>, metric: MetricName): string =>
  `[${differenceText(low, metric)}, ${differenceText(high, metric)}]`;

const unit = (metric: MetricName): string => (metric === 'perplexity' ? '' : ' points');

/** Exact numbers of a method on a task, a line each. */
export const rowLines = (row: CompareRow, task: CompareTask): readonly string[] => {
  const { metric, n, reference } = task;
  const { seeds, value, lowest, highest, factor, paired, pHolm, sharesBest } = row;
  const draws =
    seeds.length > 1
      ? `, mean of ${formatCount(seeds.length)} draws (${valueText(lowest, metric)} to ${valueText(highest, metric)})`
      : '';
  const holm = pHolm === null ? '' : `, after Holm ${formatProbability(pHolm)}`;
  return [
    `rank ${placeText(row, task)} of ${formatCount(task.rows.length)} at ${formatFactor(factor)}: ` +
      `${valueText(value, metric)}${metric === 'perplexity' ? '' : ' %'}${draws}, n ${formatCount(n)}`,
    ...(paired === null || reference === null
      ? []
      : [
          `minus ${referenceTitle(reference)}: ${differenceText(paired.difference, metric)} ` +
            `${intervalText(paired, metric)}${unit(metric)}, ${readingWords(row.reading)}`,
          ...(paired.p === null
            ? []
            : [
                `p ${formatProbability(paired.p)}${holm}; ` +
                  `${formatFixed(paired.lost, paired.pairs > 1 ? 1 : 0)} lost, ` +
                  `${formatFixed(paired.gained, paired.pairs > 1 ? 1 : 0)} gained`,
              ]),
        ]),
    sharesBest ? (row.place === 1 ? 'best value' : 'not distinguishable from the best') : 'worse than the best',
  ];
};

export const rankText = ({ meanRank }: CompareMethod): string =>
  meanRank === null ? '–' : formatFixed(meanRank.value, 2);
export const rankInterval = ({ meanRank }: CompareMethod): string =>
  meanRank === null ? '' : `[${formatFixed(meanRank.low, 2)}, ${formatFixed(meanRank.high, 2)}]`;

/** How far a difference is on the better side: lower is better for perplexity. */
export const goodness = (difference: number, metric: MetricName): number =>
  metric === 'perplexity' ? -difference : difference;

/** Largest absolute difference of the accuracies, and of each perplexity task by itself: they have no common unit. */
export const scaleOf = ({ tasks }: CompareDocument, { task, metric }: CompareTask): number =>
  Math.max(
    0,
    ...tasks
      .filter((other) => (metric === 'perplexity' ? other.task === task : other.metric !== 'perplexity'))
      .flatMap(({ rows }) => rows.map(({ paired }) => Math.abs(paired?.difference ?? 0))),
  );
