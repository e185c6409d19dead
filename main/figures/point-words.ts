import type { SweepResult } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { methodTitle } from '../words/methods.ts';
import {
  formatDifference,
  formatDifferenceInUnit,
  formatFactor,
  formatFixed,
  formatInterval,
  formatPercent,
  formatProbability,
  formatSigned,
  formatValue,
} from '../words/numbers.ts';
import { pointVerdictText, safeDrawsText } from '../words/verdicts.ts';
import type { DifferencePoint, DrawnDifference } from './difference-chart.ts';

/** A text key: equal keys mean the same point. */
export const resultKey = ({ model, task, method, seed, factor }: SweepResult): string =>
  JSON.stringify([model, task, method, seed, factor]);

/** "98.7 %"; a perplexity as it stands. */
export const measuredText = ({ metric, value }: Pick<SweepResult, 'metric' | 'value'>): string =>
  metric === 'perplexity' ? formatValue(value, metric) : formatPercent(value);

/** "Random, seed 1, ×4". */
export const pointName = ({ method, seed, factor }: SweepResult): string =>
  `${methodTitle(method)}${seed === null ? '' : `, seed ${seed}`}, ${formatFactor(factor)}`;

export const pointTitle = (result: SweepResult): string =>
  pointName(result) +
  (result.verdict === undefined || result.verdict === null ? '' : `: ${pointVerdictText(result.verdict)}`);

const ruleText = (value: number | null, metric: MetricName): string =>
  value === null ? '…' : metric === 'perplexity' ? formatSigned(value, 3) : formatSigned(100 * value, 1);

const drawText = ({ difference, interval: { low, high } }: DrawnDifference, metric: MetricName): string =>
  `${ruleText(difference, metric)} [${ruleText(low, metric)}, ${ruleText(high, metric)}]`;

const lowerEndText = ({ low }: DrawnDifference, metric: MetricName): string =>
  `one-sided lower end ${ruleText(low, metric)}`;

/**
 * "−0.3 [−1.6, +1.0]": a difference on the scale of the rule, with its two-sided 95 % interval; for several draws "−0.3 (−1.0 to
 * +0.3), safe in 2 of 5 draws": mean, lowest and highest.
 */
export const differenceText = (point: DifferencePoint, metric: MetricName): string => {
  const { difference, lowest, highest, draws, safe } = point;
  const [only] = draws;
  if (draws.length === 1 && only !== undefined) return drawText(only, metric);
  const [mean, low, high] = [difference, lowest, highest].map((value) => ruleText(value, metric));
  return `${mean} (${low} to ${high}), ${safeDrawsText(safe)}`;
};

/** "one-sided lower end −1.6", which decides a point with one draw; empty for several. */
export const decidingText = ({ draws }: DifferencePoint, metric: MetricName): string => {
  const [only] = draws;
  return draws.length === 1 && only !== undefined ? lowerEndText(only, metric) : '';
};

/** Method, factor and verdict of a point with one or several draws. */
export const drawsTitle = ({ method, factor, verdict, draws }: DifferencePoint): string =>
  `${methodTitle(method)} ${formatFactor(factor)}${draws.length > 1 ? `, ${draws.length} draws` : ''}: ` +
  pointVerdictText(verdict);

/** Facts of such a point, one per line; for several draws their range, then each with its own ends. */
export const drawsLines = (point: DifferencePoint): readonly string[] => {
  const [first] = point.draws;
  if (first === undefined) return [];
  const { metric } = first.result;
  const unit = metric === 'perplexity' ? 'nats' : 'points';
  const isOne = point.draws.length === 1;
  return [
    isOne
      ? `difference ${differenceText(point, metric)} ${unit}; ${lowerEndText(first, metric)}`
      : `mean difference ${differenceText(point, metric)}, in ${unit}`,
    ...point.draws.map(
      (draw) =>
        (isOne || draw.result.seed === null
          ? ''
          : `seed ${draw.result.seed}: ${drawText(draw, metric)}, ${lowerEndText(draw, metric)}, `) +
        `${metric} ${measuredText(draw.result)}, n ${draw.result.n}` +
        (draw.result.p === null ? '' : `, lost ${draw.result.lost}, gained ${draw.result.gained}`),
    ),
  ];
};

/** Exact numbers of a point, one per line. */
export const pointLines = (result: SweepResult): readonly string[] => [
  `${result.metric} ${measuredText(result)}, n ${result.n}, ` +
    `${formatFixed(result.kept, Number.isInteger(result.kept) ? 0 : 2)} experts kept`,
  `difference ${formatDifferenceInUnit(result.difference, result.metric)} ${formatInterval(result, result.metric)}`,
  `one-sided lower end ${formatDifference(result.lowOneSided, result.metric)}` +
    (result.verdict === undefined || result.verdict === null ? '' : `: ${pointVerdictText(result.verdict)}`),
  ...(result.p === null ? [] : [`p ${formatProbability(result.p)}, lost ${result.lost}, gained ${result.gained}`]),
];
