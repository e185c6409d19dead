import type { MergeGroup } from '../../contract/plan.ts';
import { seededRandom } from '../../statistics/random.ts';
import { normalSource } from '../normal-source.ts';
import { mergeShares } from './merge-experts.ts';
import { weightedSum } from './merge-rule.ts';

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
    const mean = weightedSum(group.members.map(row), mergeShares(group.weights));
    rows.set(mean, kept * hidden);
  });
  return rows;
};

/**
 * New router rows for a merge with a reinitialised router, float32 [groups, H]: independent normal numbers with the
 * root mean square of the unpruned rows' entries, determined by `seed` and the number of the MoE layer. Their routing
 * is meaningless until the router is recovered or trained. Source: UNCURL, Sarkar et al. 2024, arXiv 2409.01483,
 * algorithm 1, whose router is reinitialised at random.
 */
export const reinitialisedRows = (
  router: Float32Array,
  hidden: number,
  groups: number,
  seed: number,
  layer: number,
): Float32Array => {
  const scale = Math.sqrt(router.reduce((sum, value) => sum + value * value, 0) / router.length);
  const perLayer = seededRandom(seed);
  // Each layer uses a stream of its own, so that its rows do not depend on the sizes of earlier layers.
  const seeds = Array.from({ length: layer + 1 }, () => perLayer.uint32());
  const normal = normalSource(seededRandom(seeds[layer] ?? seed));
  return Float32Array.from({ length: groups * hidden }, () => scale * normal());
};

/**
 * For `mapped-rows` and `summed-probabilities`, which keep all E router rows: the kept index that each expert's tokens
 * are sent to, [E].
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
