import type { PointName, Reproduction } from '../contract/reproduction.ts';
import type { SweepDocument, SweepResult, Threshold } from '../contract/sweep.ts';

/** Perplexities are sums of logarithms that a processor may round otherwise: equal up to this share is equal. */
const SAME_PERPLEXITY = 1e-6;

/** Factors of one point come from different files: equal up to rounding is equal. */
export const pointKey = ({ model, task, method, seed, factor }: PointName): string => JSON.stringify([model, task, method, seed, factor.toFixed(9)]);

export const pointNameOf = ({ model, task, method, seed, factor }: PointName): PointName => ({ model, task, method, seed, factor });

/** Accuracies are quotients of whole numbers, so equal ones are equal to the last digit. */
const isSameValue = (before: SweepResult, after: SweepResult): boolean =>
  before.metric === 'perplexity'
    ? Math.abs(after.value - before.value) <= SAME_PERPLEXITY * Math.abs(before.value)
    : before.acc === after.acc && before.accNorm === after.accNorm && before.value === after.value;

const curveKey = ({ model, task, method, seed }: Threshold): string => JSON.stringify([model, task, method, seed]);

const isSameThreshold = (before: Threshold, after: Threshold): boolean =>
  before.factor === after.factor && before.lastSafe === after.lastSafe && before.firstUnsafe === after.firstUnsafe && before.verdict === after.verdict;

type Documents = Pick<SweepDocument, 'results' | 'thresholds'>;

/** What of a sweep's values, points and thresholds came out otherwise the second time. Thresholds must be at one delta. */
export const compareSweeps = (before: Documents, after: Documents): Pick<Reproduction, 'changed' | 'missing' | 'added' | 'thresholds'> => {
  const results = new Map(after.results.map((result) => [pointKey(result), result]));
  const known = new Set(before.results.map(pointKey));
  const thresholds = new Map(after.thresholds.map((threshold) => [curveKey(threshold), threshold]));
  return {
    changed: before.results.flatMap((result) => {
      const again = results.get(pointKey(result));
      if (again === undefined || isSameValue(result, again)) return [];
      return [{ ...pointNameOf(result), metric: result.metric, before: result.value, after: again.value }];
    }),
    missing: before.results.filter((result) => !results.has(pointKey(result))).map(pointNameOf),
    added: after.results.filter((result) => !known.has(pointKey(result))).map(pointNameOf),
    thresholds: before.thresholds.flatMap((threshold) => {
      const again = thresholds.get(curveKey(threshold));
      return again === undefined || isSameThreshold(threshold, again) ? [] : [{ before: threshold, after: again }];
    }),
  };
};
