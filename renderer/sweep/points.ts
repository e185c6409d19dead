import type { SweepResult } from '../../main/contract/sweep.ts';
import { formatFactor, formatFixed, formatProbability, formatSigned } from '../../main/figures/numbers.ts';
import type { MetricName } from '../../main/contract/task.ts';
import { pointVerdictText } from '../../main/evaluation/wording.ts';
import type { DifferencePoint } from '../../main/figures/difference-points.ts';
import { methodTitle } from '../../main/figures/method-titles.ts';
import type { PointKey } from '../state/selection.ts';

export const pointKey = (run: string, { model, task, method, seed, factor }: SweepResult): PointKey => ({
  run,
  model,
  task,
  method,
  seed,
  factor,
});

export const isPoint = (result: SweepResult, point: PointKey): boolean =>
  result.model === point.model &&
  result.task === point.task &&
  result.method === point.method &&
  result.seed === point.seed &&
  result.factor === point.factor;

/** The same as text: equal keys, same point. */
export const resultKey = ({ model, task, method, seed, factor }: SweepResult): string =>
  JSON.stringify([model, task, method, seed, factor]);

const decimals = (result: Pick<SweepResult, 'metric'>): number => (result.metric === 'perplexity' ? 3 : 4);

export const pointTitle = (result: SweepResult): string =>
  `${methodTitle(result.method)}${result.seed === null ? '' : `, seed ${result.seed}`}, ` +
  formatFactor(result.factor) +
  (result.verdict === undefined || result.verdict === null ? '' : `: ${pointVerdictText(result.verdict)}`);

/** "−0.3 [−1.6, +1.0]": a difference on the scale of the rule, and its one-sided ends. */
export const differenceText = (
  { difference, low, high }: Pick<DifferencePoint, 'difference' | 'low' | 'high'>,
  metric: MetricName,
): string => {
  const written = (value: number | null): string =>
    value === null ? '…' : metric === 'perplexity' ? formatSigned(value, 3) : formatSigned(100 * value, 1);
  return `${written(difference)} [${written(low)}, ${written(high)}]`;
};

/** Method, factor and verdict of a point that stands for one or several draws. */
export const drawsTitle = ({ method, factor, verdict, results }: DifferencePoint): string =>
  `${methodTitle(method)} ${formatFactor(factor)}${results.length > 1 ? `, ${results.length} draws` : ''}: ` +
  pointVerdictText(verdict);

/** What is known of such a point, one fact per line. */
export const drawsLines = (point: DifferencePoint): readonly string[] => {
  const [first] = point.results;
  if (first === undefined) return [];
  const unit = first.metric === 'perplexity' ? 'nats' : 'points';
  return [
    `difference ${differenceText(point, first.metric)} ${unit}, one-sided ends`,
    ...point.results.map(
      (result) =>
        (result.seed === null || point.results.length === 1 ? '' : `seed ${result.seed}: `) +
        `${result.metric} ${formatFixed(result.value, decimals(result))}, n ${result.n}` +
        (result.p === null ? '' : `, lost ${result.lost}, gained ${result.gained}`),
    ),
  ];
};

/** Exact numbers of a point, one per line. */
export const pointLines = (result: SweepResult): readonly string[] => [
  `${result.metric} ${formatFixed(result.value, decimals(result))}, n ${result.n}, ` +
    `${formatFixed(result.kept, Number.isInteger(result.kept) ? 0 : 2)} experts kept`,
  `difference ${formatSigned(result.difference, decimals(result))} [${formatSigned(result.low, 4)}, ` +
    `${formatSigned(result.high, 4)}]`,
  `one-sided lower end ${formatSigned(result.lowOneSided, 4)}` +
    (result.verdict === undefined || result.verdict === null ? '' : `: ${pointVerdictText(result.verdict)}`),
  ...(result.p === null ? [] : [`p ${formatProbability(result.p)}, lost ${result.lost}, gained ${result.gained}`]),
];
