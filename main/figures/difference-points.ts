import type { PointVerdict, SweepResult } from '../contract/sweep.ts';
import { UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { lowerEndAt, ONE_SIDED_ALPHA, upperEndOf, verdictOf } from '../evaluation/verdicts.ts';
import { compareMethodLabels } from './method-titles.ts';

/**
 * A method at a factor on the scale that the threshold rule reads: accuracies, or minus the rise of log-perplexity
 * (nats per token), so that less is worse for both.
 */
export interface DifferencePoint {
  readonly method: string;
  readonly factor: number;
  /** To the unpruned model; the mean of several draws. */
  readonly difference: number;
  /** One-sided ends, of several draws the outermost; null where a document holds none. */
  readonly low: number | null;
  readonly high: number | null;
  /** Safe or worse where every draw is. */
  readonly verdict: PointVerdict;
  /** One per draw. */
  readonly results: readonly SweepResult[];
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

/** The least of several numbers; null where one is missing. */
const least = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>(
    (lowest, value) => (lowest === null || value === null ? null : Math.min(lowest, value)),
    Infinity,
  );

const verdictOfDraws = (verdicts: readonly PointVerdict[]): PointVerdict => {
  const [first] = verdicts;
  return first !== undefined && verdicts.every((verdict) => verdict === first) ? first : 'undecided';
};

/**
 * One point of the draws of a method at a factor. Verdicts as its document tells them (which asks for items enough),
 * else at the margin and the one-sided level given.
 */
export const differencePoint = (
  draws: readonly [SweepResult, ...SweepResult[]],
  delta: number,
  alpha = ONE_SIDED_ALPHA,
): DifferencePoint => {
  const [{ method, factor }] = draws;
  const highest = least(draws.map((draw) => negative(upperEndOf(draw))));
  return {
    method,
    factor,
    difference: draws.reduce((sum, draw) => sum + ruleDifference(draw), 0) / draws.length,
    low: least(draws.map((draw) => lowerEndAt(draw, alpha))),
    high: negative(highest),
    verdict: verdictOfDraws(draws.map((draw) => draw.verdict ?? verdictOf(draw, delta, alpha))),
    results: draws,
  };
};

const negative = (value: number | null): number | null => (value === null ? null : -value);

const isSome = <T>(list: readonly T[]): list is readonly [T, ...T[]] => list.length > 0;

/** Results of one model on one task (others are left out by the caller); null where none is of a pruned model. */
export const differencePanel = (
  results: readonly SweepResult[],
  delta: number,
  alpha = ONE_SIDED_ALPHA,
): DifferencePanel | null => {
  const pruned = results.filter(({ factor, method }) => factor > 1 && method !== UNPRUNED);
  const [first] = pruned;
  if (first === undefined) return null;
  const methods = [...new Set(pruned.map(({ method }) => method))].sort(compareMethodLabels);
  const series = methods.map((method) => {
    const own = pruned.filter((result) => result.method === method);
    const factors = [...new Set(own.map(({ factor }) => factor))].sort((left, right) => left - right);
    const points = factors.flatMap((factor) => {
      const draws = own.filter((result) => result.factor === factor);
      return isSome(draws) ? [differencePoint(draws, delta, alpha)] : [];
    });
    return { method, points };
  });
  return { task: first.task, metric: first.metric, n: first.n, delta, series };
};
