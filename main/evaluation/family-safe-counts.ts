import type { FamilyThreshold, SafeCount } from '../contract/family.ts';
import type { SweepResult } from '../contract/sweep.ts';
import { isAtMost } from './family-brackets.ts';

/** Factors measured in at least `sizes` sizes of a family, rising; equal up to rounding is equal. */
const sharedFactors = (results: readonly SweepResult[], method: string, sizes: number): number[] => {
  const sizesOf = new Map<number, Set<number>>();
  for (const result of results) {
    if (result.method !== method || result.factor <= 1) continue;
    const factor = Number(result.factor.toFixed(9));
    const measured = sizesOf.get(factor) ?? new Set();
    sizesOf.set(factor, measured.add(Math.round(result.factor * result.kept)));
  }
  return [...sizesOf].filter(([, measured]) => measured.size >= sizes).map(([factor]) => factor).sort((a, b) => a - b);
};

/** Whether a threshold says that `factor` is safe; null where it does not say. */
const safeAt = ({ lastSafe, firstUnsafe, largestTested }: FamilyThreshold, factor: number): boolean | null => {
  if (lastSafe === null || !isAtMost(factor, largestTested)) return null;
  if (isAtMost(factor, lastSafe)) return true;
  return firstUnsafe !== null && isAtMost(firstUnsafe, factor) ? false : null;
};

/**
 * How many thresholds lie at a factor or above, per method, factor and E: a factor beyond the first unsafe one counts as
 * unsafe, as the threshold rule has it. Factors that at least two sizes share (all factors of a sweep of one size).
 */
export const safeCounts = (
  thresholds: readonly FamilyThreshold[],
  results: readonly SweepResult[],
  methods: readonly string[],
  sizes: readonly number[],
): SafeCount[] =>
  methods.flatMap((method) =>
    sharedFactors(results, method, Math.min(2, sizes.length)).map((factor) => ({
      method,
      factor,
      shares: sizes.map((experts) => {
        const told = thresholds
          .filter((one) => one.method === method && one.experts === experts)
          .flatMap((one) => safeAt(one, factor) ?? []);
        return { experts, safe: told.filter((safe) => safe).length, of: told.length };
      }),
    })),
  );
