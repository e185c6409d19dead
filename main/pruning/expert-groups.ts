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

/** Counts next to `count` that every group can share, fewer than all experts; ascending. */
const nearestCounts = (count: number, experts: number, least: number, groups: number): readonly number[] => {
  const below = Math.floor(Math.min(count, experts - 1) / groups) * groups;
  const above = Math.max(least, Math.ceil((count + 1) / groups) * groups);
  return [...new Set([below, above])].filter((each) => each >= least && each < experts);
};

/**
 * Refuses numbers of kept experts that the groups of a layer cannot share evenly, and names the nearest ones that they
 * can.
 *
 * @throws WorkbenchError `keep-invalid`.
 */
export const checkGroupedCounts = (
  counts: readonly number[],
  experts: number,
  topK: number,
  groups: ExpertGroupRule,
): void => {
  const least = leastPerGroup(topK, groups) * groups.count;
  counts.forEach((count, layer) => {
    if (count >= least && count % groups.count === 0) return;
    throw refuse(
      'keep-invalid',
      `Layer ${layer} cannot keep ${count} experts: its router chooses among ${groups.count} groups, which ` +
        `must keep equal numbers.`,
      adviceOf(nearestCounts(count, experts, least, groups.count), experts, { least, groups: groups.count }),
    );
  });
};

const adviceOf = (
  nearest: readonly number[],
  experts: number,
  { least, groups }: { readonly least: number; readonly groups: number },
): string => {
  if (nearest.length === 0)
    return (
      `No number below ${experts} works: the router needs at least ${least / groups} experts in each of the ` +
      `${groups} groups. ` +
      'Choose another model, or a method that keeps all experts.'
    );
  const each = nearest.map((count) => `${count} experts (--factor ${Number((experts / count).toFixed(3))})`);
  return `Keep ${each.join(' or ')} in every layer: a multiple of ${groups}, at least ${least}.`;
};
