import type { CompareRow } from '../../../main/contract/compare.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';

/** The point of a sweep that a row stands for: of several draws the first. Null while results are on their way. */
export const comparedPoint = (
  results: readonly SweepResult[],
  model: string,
  task: string,
  { method, seeds, factor }: CompareRow,
): SweepResult | null => {
  const seed = seeds[0] ?? null;
  const curve = results.filter(
    (result) =>
      result.model === model &&
      result.task === task &&
      result.method === method &&
      result.seed === seed &&
      result.factor > 1,
  );
  const apart = (result: SweepResult): number => Math.abs(Math.log(result.factor / factor));
  return [...curve].sort((left, right) => apart(left) - apart(right))[0] ?? null;
};
