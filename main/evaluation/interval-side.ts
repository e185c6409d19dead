import type { MetricName } from '../contract/task.ts';

/** What the interval of a difference of values tells where it leaves out 0 (lower is better for perplexity); null: nothing. */
export const intervalSide = (metric: MetricName, { low, high }: { readonly low: number; readonly high: number }): 'better' | 'worse' | null => {
  const [isMore, isLess] = [low > 0, high < 0];
  if (!isMore && !isLess) return null;
  return isMore === (metric !== 'perplexity') ? 'better' : 'worse';
};
