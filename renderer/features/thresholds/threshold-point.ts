import type { SizeThreshold } from '../../../main/contract/size-trend.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';

type Named = Pick<SizeThreshold, 'model' | 'task' | 'method' | 'lastSafe' | 'firstUnsafe'>;

/**
 * The measured point that a threshold stands for: at the last safe factor, or where none above 1 is safe at the first
 * unsafe one (cannot tell: at the smallest). Of several draws the one that the rule reads: with the lowest one-sided end.
 */
export const thresholdPoint = (
  results: readonly SweepResult[],
  { model, task, method, lastSafe, firstUnsafe }: Named,
): SweepResult | null => {
  const own = results.filter(
    (result) => result.model === model && result.task === task && result.method === method && result.factor > 1,
  );
  const smallest = Math.min(...own.map(({ factor }) => factor));
  const factor = lastSafe !== null && lastSafe > 1 ? lastSafe : (firstUnsafe ?? smallest);
  return own
    .filter((result) => result.factor === factor)
    .reduce<SweepResult | null>(
      (lowest, result) => (lowest === null || result.lowOneSided < lowest.lowOneSided ? result : lowest),
      null,
    );
};
