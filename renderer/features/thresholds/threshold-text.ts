import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { isNothingToLose } from '../../../main/contract/sweep.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import {
  bracketText,
  bracketWords,
  drawsFraction,
  type Needed,
  neededText,
  standingText,
  thresholdValue,
} from '../../../main/words/verdicts.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import {
  differenceUnit,
  formatCount,
  formatDifference,
  formatFactor,
  formatInterval,
  formatP,
  formatValue,
} from '../../../main/words/numbers.ts';
import type { PairPoint, PairRow } from '../../../main/figures/size-pair-figure.ts';
import type { PointText } from './pointed-chart.tsx';

/** Exact numbers of a dot. */
export const dotText = (
  { largeExperts, experts }: PairRow,
  { method, difference, low, high, pairs, standing }: PairPoint,
): PointText => {
  const [first] = pairs;
  const metric = first?.metric ?? 'acc';
  const unit = differenceUnit(metric);
  const interval = formatInterval({ low, high }, metric);
  return {
    title: `${methodTitle(method)}, E ${formatCount(largeExperts)} pruned to ${formatCount(experts)}`,
    lines:
      pairs.length === 1 && first !== undefined
        ? [
            `${first.large} ${formatFactor(first.factor)}: ${formatValue(first.pruned, metric)}; ${first.small} ` +
              `from scratch: ${formatValue(first.scratch, metric)}`,
            `difference ${formatDifference(difference, metric)} ${interval}${unit}`,
            `n ${formatCount(first.n)}${first.p === null ? '' : `, ${formatP(first.p)}`}, ` + standingText(standing),
          ]
        : [
            `${formatCount(pairs.length)} comparisons (draws and trainings)`,
            `mean difference ${formatDifference(difference, metric)}, range ${interval}${unit}`,
            standingText(standing),
          ],
  };
};

/**
 * Text below a threshold in a cell: the bracket [last safe, first not safe), or the number of items needed for a
 * verdict.
 */
export const cellBracketText = (threshold: SizeThreshold, needed: Needed, metric: MetricName | undefined): string =>
  threshold.lastSafe === null
    ? isNothingToLose(threshold.verdict)
      ? 'nothing to lose'
      : `n ≥ ${formatCount(metric === 'perplexity' ? needed.texts : needed.items)}`
    : `${bracketText(threshold)} ${drawsFraction(threshold)}`.trimEnd();

/**
 * Whether a threshold belongs to a training that is not part of the sweep; its results are bundled with the workbench.
 */
export const isRecorded = (
  { trainings }: Pick<SizeTrendDocument, 'trainings'>,
  { model }: Pick<SizeThreshold, 'model'>,
): boolean => trainings.some(({ name }) => name === model);

export const thresholdText = (
  threshold: SizeThreshold,
  task: string,
  { needed, trainings }: Pick<SizeTrendDocument, 'needed' | 'trainings'>,
  metric: MetricName | undefined,
): PointText => ({
  title: `${methodTitle(threshold.method)}, ${threshold.model} (E ${formatCount(threshold.experts)})`,
  lines: [
    `${task}: threshold ${thresholdValue(threshold)}`,
    `${bracketWords(threshold)}${threshold.verdict === 'cannot-tell' ? `; needs ${neededText(needed, metric)}` : ''}`,
    ...(threshold.draws ?? []).map((draw) => `seed ${draw.seed}: ${thresholdValue(draw)}`),
    `tested up to ${formatFactor(threshold.largestTested)}, n ${formatCount(threshold.n)}`,
    ...(isRecorded({ trainings }, threshold)
      ? ['recorded: another training of this size, not part of this sweep']
      : []),
  ],
});
