import { assertNever } from '../../../main/contract/errors.ts';
import type { SizePair } from '../../../main/contract/size-trend.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import { formatCount, formatFactor, formatFixed, formatProbability, formatSigned } from '../../format/format-number.ts';
import { methodTitle } from '../prune/methods.ts';
import type { PairDot, PairRow } from './pair-rows.ts';
import type { PointText } from './pointed-chart.tsx';

/** Percentage points of accuracy; perplexity as it stands. */
export const differenceText = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? formatSigned(value, 3) : formatSigned(100 * value, 1);
export const valueText = (value: number, metric: MetricName): string =>
  metric === 'perplexity' ? formatFixed(value, 3) : formatFixed(100 * value, 1);

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
            `${first.large} ${formatFactor(first.factor)}: ${valueText(first.pruned, metric)}; ${first.small} from scratch: ${valueText(first.scratch, metric)}`,
            `difference ${differenceText(difference, metric)} ${interval}${unit}`,
            `n ${formatCount(first.n)}${first.p === null ? '' : `, p ${formatProbability(first.p)}`}, ${standingText(standing)}`,
          ]
        : [
            `${formatCount(pairs.length)} comparisons (draws and trainings)`,
            `mean difference ${differenceText(difference, metric)}, range ${interval}${unit}`,
            standingText(standing),
          ],
  };
};
