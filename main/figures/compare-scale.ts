import type { CompareDocument, CompareTask } from '../contract/compare.ts';
import type { MetricName } from '../contract/task.ts';
import { maxOf } from '../statistics/extremes.ts';

/** A difference with positive values for better: lower is better for perplexity. */
export const goodness = (difference: number, metric: MetricName): number =>
  metric === 'perplexity' ? -difference : difference;

/** Largest absolute difference of the accuracies, and of each perplexity task separately: they have no common unit. */
export const scaleOf = ({ tasks }: CompareDocument, { task, metric }: CompareTask): number =>
  maxOf([
    0,
    ...tasks
      .filter((other) => (metric === 'perplexity' ? other.task === task : other.metric !== 'perplexity'))
      .flatMap(({ rows }) => rows.map(({ paired }) => Math.abs(paired?.difference ?? 0))),
  ]);
