import type { SweepResult } from '../contract/sweep.ts';
import { methodTitle } from '../words/methods.ts';
import {
  formatDifference,
  formatDifferenceInUnit,
  formatFactor,
  formatFixed,
  formatInterval,
  formatPercent,
  formatProbability,
  formatValue,
} from '../words/numbers.ts';
import { pointVerdictText } from '../words/verdicts.ts';

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
