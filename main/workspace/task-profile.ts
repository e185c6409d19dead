import type { TaskProfile } from '../contract/profile.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { PROFILED, type ProfileParts } from './profile-file.ts';

type ProfileSums = Pick<
  RoutingStatistics,
  'items' | 'tokens' | 'experts' | 'counts' | 'gateMass' | 'reapSum' | 'eanSum'
>;

/** [L * E] -> [L][E]. */
const rowsOf = (matrix: Float64Array, experts: number): number[][] =>
  Array.from({ length: matrix.length / experts }, (_, layer) =>
    Array.from(matrix.subarray(layer * experts, (layer + 1) * experts)),
  );

/** A task's [L, E] sums for the page and figures, without the [L, E, E] statistics. */
export const taskProfileOf = (
  task: { readonly name: string; readonly hash: string },
  { items, tokens, experts, counts, gateMass, reapSum, eanSum }: ProfileSums,
): TaskProfile => ({
  task: task.name,
  taskHash: task.hash,
  items,
  tokens,
  counts: rowsOf(counts, experts),
  gateMass: rowsOf(gateMass, experts),
  reapSum: rowsOf(reapSum, experts),
  eanSum: rowsOf(eanSum, experts),
});

/** The same from an opened profile, without reading the rest of it. */
export const taskProfileOfParts = async (
  task: { readonly name: string; readonly hash: string },
  parts: ProfileParts,
): Promise<TaskProfile> => {
  const { items, tokens, experts } = parts;
  return taskProfileOf(task, {
    items,
    tokens,
    experts,
    counts: await parts.whole(PROFILED.counts),
    gateMass: await parts.whole(PROFILED.gateMass),
    reapSum: await parts.whole(PROFILED.reapSum),
    eanSum: await parts.whole(PROFILED.eanSum),
  });
};
