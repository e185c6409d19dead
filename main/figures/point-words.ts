import { isNothingToLose, type SweepResult } from '../contract/sweep.ts';
import { methodTitle } from '../words/methods.ts';
import {
  formatCount,
  formatDifference,
  formatDifferenceInUnit,
  formatFactor,
  formatFixed,
  formatInterval,
  formatPercent,
  formatProbability,
  formatValue,
} from '../words/numbers.ts';
import {
  bracketText,
  bracketWords,
  drawsFraction,
  type Needed,
  neededText,
  pointVerdictText,
  thresholdValue,
} from '../words/verdicts.ts';
import type { SizeThreshold, SizeTrendDocument } from '../contract/size-trend.ts';
import type { MetricName } from '../contract/task.ts';
import type { ChartTip } from './chart.ts';

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

/** Exact numbers of a point, one per line. */
export const pointLines = (result: SweepResult): readonly string[] => [
  `${result.metric} ${measuredText(result)}, n ${result.n}, ` +
    `${formatFixed(result.kept, Number.isInteger(result.kept) ? 0 : 2)} experts kept`,
  `difference ${formatDifferenceInUnit(result.difference, result.metric)} ${formatInterval(result, result.metric)}`,
  `one-sided lower end ${formatDifference(result.lowOneSided, result.metric)}` +
    (result.verdict === undefined || result.verdict === null ? '' : `: ${pointVerdictText(result.verdict)}`),
  ...(result.p === null ? [] : [`p ${formatProbability(result.p)}, lost ${result.lost}, gained ${result.gained}`]),
];

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
