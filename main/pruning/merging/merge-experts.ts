import type { Steps } from '../../arithmetic/steps.ts';
import type { MergeGroup, MergeRule } from '../../contract/plan.ts';
import { normalSource, seededRandom } from '../../statistics/random.ts';
import { alignExpert, permuteExpert } from './align-experts.ts';
import type { ExpertShape, ExpertWeights } from './expert-weights.ts';
import { mergeMatrices, weightedSum } from './merge-rule.ts';

/** Weights of a group as shares that sum to 1; all zero means uniform. */
export const mergeShares = (weights: readonly number[]): readonly number[] => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return total > 0 ? weights.map((weight) => weight / total) : weights.map(() => 1 / weights.length);
};

const AVERAGE: MergeRule = { name: 'average' };

/**
 * One expert from the members of a group: each matrix merged by `rule` (default: the weighted average), every member
 * first permuted towards the reference where `align` is set. `experts[i]` are the weights of `group.members[i]`. In
 * float64, rounded once to float32; the average of identical members is exactly themselves.
 */
export function* mergeGroup(
  experts: readonly ExpertWeights[],
  shape: ExpertShape,
  group: MergeGroup,
  align: boolean,
  rule: MergeRule = AVERAGE,
): Steps<ExpertWeights> {
  const reference = experts[group.members.indexOf(group.reference)];
  if (reference === undefined || experts.length !== group.members.length) {
    throw new RangeError(
      `${experts.length} experts for members ${group.members.join(', ')} with reference ${group.reference}`,
    );
  }
  const shares = mergeShares(group.weights);
  const contributing = experts
    .map((expert, position) => ({ expert, share: shares[position]! }))
    .filter(({ share }) => share > 0);
  const [only] = contributing;
  if (contributing.length === 1 && only !== undefined) {
    // Nothing to merge; alignment would only reorder its neurons.
    return { gate: only.expert.gate.slice(), up: only.expert.up.slice(), down: only.expert.down.slice() };
  }
  const aligned = contributing.map(({ expert }) =>
    align && expert !== reference ? permuteExpert(expert, shape, alignExpert(expert, reference, shape)) : expert,
  );
  const merge = function* (matrix: keyof ExpertWeights, rows: number): Steps<Float32Array> {
    return Float32Array.from(
      yield* mergeMatrices(rule, {
        matrices: aligned.map((expert) => expert[matrix]),
        rows,
        shares: contributing.map(({ share }) => share),
        reference: contributing.findIndex(({ expert }) => expert === reference),
        base: reference[matrix],
      }),
    );
  };
  return {
    gate: yield* merge('gate', shape.width),
    up: yield* merge('up', shape.width),
    down: yield* merge('down', shape.hidden),
  };
}

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
