import type { ItemOutcome } from '../contract/outcome.ts';
import type { MetricName } from '../contract/task.ts';
import { isRight } from '../evaluation/is-right.ts';

/** Part of the items that a candidate answers rightly, by the metric that the task is measured by; 0 without items. */
export const searchFitness = (metric: MetricName, outcomes: readonly ItemOutcome[]): number => {
  const right = outcomes.filter((outcome) => outcome.kind !== 'text' && isRight(metric, outcome));
  return right.length / Math.max(1, outcomes.length);
};
