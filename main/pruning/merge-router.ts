import type { MergeGroup } from '../contract/plan.ts';
import { mergeShares } from './merge-experts.ts';

/**
 * Router rows after a merge that keeps one row per group, float32 [groups, H]: the reference's own row, or the mean of
 * the members' rows with the weights of the merge (float64 sums). `router` is [E, H].
 */
export const mergeRouterRows = (
  router: Float32Array,
  hidden: number,
  groups: readonly MergeGroup[],
  treatment: 'reference-row' | 'mean-row',
): Float32Array => {
  const rows = new Float32Array(groups.length * hidden);
  const row = (expert: number): Float32Array => router.subarray(expert * hidden, (expert + 1) * hidden);
  groups.forEach((group, kept) => {
    if (treatment === 'reference-row') {
      rows.set(row(group.reference), kept * hidden);
      return;
    }
    const mean = new Float64Array(hidden);
    const shares = mergeShares(group.weights);
    group.members.forEach((member, position) => {
      const share = shares[position]!;
      row(member).forEach((value, h) => {
        mean[h]! += share * value;
      });
    });
    rows.set(mean, kept * hidden);
  });
  return rows;
};

/**
 * For `mapped-rows` and `summed-probabilities`, where all E router rows stay: the kept index that each expert's tokens
 * go to, [E].
 */
export const expertToKept = (groups: readonly MergeGroup[], experts: number): Int32Array => {
  const map = new Int32Array(experts).fill(-1);
  groups.forEach((group, kept) => {
    for (const member of group.members) map[member] = kept;
  });
  const missing = map.indexOf(-1);
  if (missing !== -1) throw new RangeError(`expert ${missing} is in no group`);
  return map;
};
