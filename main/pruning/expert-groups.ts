import { refuse } from '../contract/errors.ts';
import type { ExpertGroupRule } from '../contract/model.ts';

/** Kept experts of each group of one layer. */
const keptPerGroup = (kept: readonly number[], experts: number, { count }: ExpertGroupRule): number[] => {
  const size = experts / count;
  return Array.from(
    { length: count },
    (_, group) => kept.filter((expert) => Math.floor(expert / size) === group).length,
  );
};

/**
 * Smallest number of kept experts per group with which each token still finds its top-k in the groups that it may use.
 */
const leastPerGroup = (topK: number, { kept, least }: ExpertGroupRule): number =>
  Math.max(least, Math.ceil(topK / kept));

/**
 * The problem with the kept experts of a layer whose router chooses among contiguous groups of equal size; null where
 * there is none. The pruned model's groups have equal sizes too, so each must keep the same number.
 */
export const groupProblem = (
  kept: readonly number[],
  layer: number,
  experts: number,
  topK: number,
  groups: ExpertGroupRule,
): string | null => {
  const counts = keptPerGroup(kept, experts, groups);
  const [first = 0] = counts;
  const shown =
    `keeps ${counts.join(', ')} experts of the ${groups.count} groups that the router of layer ${layer} ` +
    `chooses among`;
  if (counts.some((count) => count !== first)) return `${shown}: it must keep as many of each`;
  const least = leastPerGroup(topK, groups);
  return first >= least ? null : `${shown}: it needs at least ${least} of each`;
};

/** @throws WorkbenchError `keep-invalid` where the groups of a layer cannot share its number of kept experts evenly. */
export const checkGroupedCounts = (counts: readonly number[], topK: number, groups: ExpertGroupRule): void => {
  const least = leastPerGroup(topK, groups) * groups.count;
  counts.forEach((count, layer) => {
    if (count >= least && count % groups.count === 0) return;
    throw refuse(
      'keep-invalid',
      `Layer ${layer} cannot keep ${count} experts: its router chooses among ${groups.count} groups, which ` +
        `must keep equal numbers.`,
      `Keep a multiple of ${groups.count}, at least ${least}, in every layer (the uniform budget does).`,
    );
  });
};
