import type { Steps } from '../../arithmetic/steps.ts';
import type { MergeGroup, MergeRule } from '../../contract/plan.ts';
import { alignExpert, permuteExpert } from './align-experts.ts';
import type { ExpertShape, ExpertWeights } from './expert-weights.ts';
import { mergeMatrices } from './merge-rule.ts';

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
