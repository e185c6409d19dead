import { assertNever } from '../../../main/contract/errors.ts';
import type { SizePair, SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import { differenceText, formatCount, formatFactor, formatProbability, valueText } from '../../format/format-number.ts';
import { methodTitle } from '../../plan/methods.ts';
import { thresholdBracket, thresholdValue } from '../../sweep/threshold-words.ts';
import type { PairDot, PairRow } from './pair-rows.ts';
import type { PointText } from './pointed-chart.tsx';

export const standingText = (standing: PairDot['standing']): string => {
  switch (standing) {
    case 'past':
      return 'past the threshold';
    case 'within':
      return 'within the threshold';
    case 'unknown':
      return 'threshold cannot be told';
    default:
      return assertNever(standing);
  }
};

export const standingOf = ({ pastThreshold }: SizePair): PairDot['standing'] =>
  pastThreshold === null ? 'unknown' : pastThreshold ? 'past' : 'within';

/** Exact numbers of a dot. */
export const dotText = (
  { largeExperts, experts }: PairRow,
  { method, difference, low, high, pairs, standing }: PairDot,
): PointText => {
  const [first] = pairs;
  const metric = first?.metric ?? 'acc';
  const unit = metric === 'perplexity' ? '' : ' points';
  const interval = `[${differenceText(low, metric)}, ${differenceText(high, metric)}]`;
  return {
    title: `${methodTitle(method)}, E ${formatCount(largeExperts)} pruned to ${formatCount(experts)}`,
    lines:
      pairs.length === 1 && first !== undefined
        ? [
            `${first.large} ${formatFactor(first.factor)}: ${valueText(first.pruned, metric)}; ${first.small} ` +
              `from scratch: ${valueText(first.scratch, metric)}`,
            `difference ${differenceText(difference, metric)} ${interval}${unit}`,
            `n ${formatCount(first.n)}${first.p === null ? '' : `, p ${formatProbability(first.p)}`}, ` +
              standingText(standing),
          ]
        : [
            `${formatCount(pairs.length)} comparisons (draws and trainings)`,
            `mean difference ${differenceText(difference, metric)}, range ${interval}${unit}`,
            standingText(standing),
          ],
  };
};

type Needed = SizeTrendDocument['needed'];

/** "needs 149 items": how many would let the threshold be told at this margin. */
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
