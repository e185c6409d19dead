import type { Merge } from './linkage.ts';

/**
 * Leaves of a hierarchical clustering from left to right: each merge appends the second cluster's nodes to those of the
 * first, so that nodes that join early are adjacent. `merges` name clusters by their lowest node, parts before the
 * whole.
 */
export const leafOrder = (merges: readonly Merge[], n: number): readonly number[] => {
  const clusters = new Map<number, number[]>(Array.from({ length: n }, (_, node) => [node, [node]]));
  for (const { first, second } of merges) {
    const joined = clusters.get(first);
    for (const node of clusters.get(second) ?? []) joined?.push(node);
    clusters.delete(second);
  }
  return [...clusters.values()].flat();
};
