import { type DrawCount, type PointVerdict, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { type PointOverDraws, pointsOverDraws, spreadOf } from '../evaluation/draws.ts';
import { lowerEndAt, ONE_SIDED_ALPHA, upperEndOf } from '../evaluation/verdicts.ts';
import { compareMethodLabels } from '../words/methods.ts';

/** One draw on the scale of the rule. */
export interface DrawnDifference {
  readonly difference: number;
  /** Its one-sided ends; null if the document does not contain them. */
  readonly low: number | null;
  readonly high: number | null;
  readonly result: SweepResult;
}

/**
 * A method at a factor on the scale of the threshold rule: accuracies, or minus the rise of log-perplexity (nats per
 * token), so that less is worse for both.
 */
export interface DifferencePoint {
  readonly method: string;
  readonly factor: number;
  /** Difference to the unpruned model: for several draws the mean, the lowest and the highest. */
  readonly difference: number;
  readonly lowest: number;
  readonly highest: number;
  /** Safe or worse if every draw is. */
  readonly verdict: PointVerdict;
  readonly safe: DrawCount;
  /** By seed; one for a method without draws. */
  readonly draws: readonly DrawnDifference[];
}

export interface DifferencePanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly delta: number;
  /** By method, then by rising factor. */
  readonly series: readonly { readonly method: string; readonly points: readonly DifferencePoint[] }[];
}

/** Difference of a result to the unpruned model on the scale of the rule. */
export const ruleDifference = ({ metric, value, difference }: SweepResult): number =>
  metric === 'perplexity' ? -Math.log(value / (value - difference)) : difference;

const drawOf = (result: SweepResult, delta: number, alpha: number): DrawnDifference => ({
  difference: ruleDifference(result),
  low: lowerEndAt(result, delta, alpha),
  high: upperEndOf(result, delta),
  result,
});

const pointOf = (
  { method, factor, verdict, safe, results }: PointOverDraws,
  delta: number,
  alpha: number,
): DifferencePoint => {
  const draws = results.map((result) => drawOf(result, delta, alpha));
  const { mean, lowest, highest } = spreadOf(draws.map(({ difference }) => difference));
  return { method, factor, difference: mean, lowest, highest, verdict, safe, draws };
};

/**
 * Results of one model on one task (the caller omits others), with the draws of a factor as one point; null if there is
 * no pruned model. Verdicts come from the document (which requires enough items), else from the margin and the
 * one-sided level given.
 */
export const differencePanel = (
  results: readonly SweepResult[],
  delta: number,
  alpha = ONE_SIDED_ALPHA,
): DifferencePanel | null => {
  const pruned = results.filter(({ factor, method }) => factor > 1 && method !== UNPRUNED);
  const [first] = pruned;
  if (first === undefined) return null;
  const points = pointsOverDraws({ results: pruned }, { delta, alpha });
  const methods = [...new Set(pruned.map(({ method }) => method))].sort(compareMethodLabels);
  const series = methods.map((method) => ({
    method,
    points: points
      .filter((point) => point.method === method)
      .sort((left, right) => left.factor - right.factor)
      .map((point) => pointOf(point, delta, alpha)),
  }));
  return { task: first.task, metric: first.metric, n: first.n, delta, series };
};
