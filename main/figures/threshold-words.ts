import type { SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import { isNothingToLose } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import {
  bracketText,
  bracketWords,
  drawsFraction,
  type Needed,
  neededText,
  thresholdValue,
} from '../words/verdicts.ts';
import { methodTitle } from '../words/methods.ts';
import { formatCount, formatFactor } from '../words/numbers.ts';
import type { ChartTip } from './chart.ts';

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
): ChartTip => ({
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
