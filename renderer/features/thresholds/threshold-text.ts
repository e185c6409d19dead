import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import { formatCount, formatFactor } from '../../format/format-number.ts';
import { thresholdBracket, thresholdValue } from '../curves/threshold-words.ts';
import { methodTitle } from '../prune/methods.ts';
import type { PointText } from './pointed-chart.tsx';

type Needed = SizeTrendDocument['needed'];

/** "needs 133 items": how many would let the threshold be told at this margin. */
export const neededText = (needed: Needed, metric: MetricName | undefined): string =>
  metric === 'perplexity' ? `needs ${formatCount(needed.texts)} texts` : `needs ${formatCount(needed.items)} items`;

const bare = (factor: number): string => formatFactor(factor).replace('×', '');

/** Below the threshold in a cell: the bracket [last safe, first unsafe), or from how many items on it could be told. */
export const bracketText = (
  { lastSafe, firstUnsafe }: SizeThreshold,
  needed: Needed,
  metric: MetricName | undefined,
): string =>
  lastSafe === null
    ? `n ≥ ${formatCount(metric === 'perplexity' ? needed.texts : needed.items)}`
    : `[${bare(lastSafe)}, ${firstUnsafe === null ? '…' : bare(firstUnsafe)})`;

/** Whether a threshold is of a training that the sweep did not run, whose results come with the workbench. */
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
    `${thresholdBracket(threshold)}${threshold.verdict === 'cannot-tell' ? `: ${neededText(needed, metric)}` : ''}`,
    `tested up to ${formatFactor(threshold.largestTested)}, n ${formatCount(threshold.n)}`,
    ...(isRecorded({ trainings }, threshold)
      ? ['recorded: another training of this size, not part of this sweep']
      : []),
  ],
});
