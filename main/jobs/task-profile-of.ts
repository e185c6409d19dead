import type { TaskProfile } from '../contract/profile.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';

/** [L * E] -> [L][E]. */
const rowsOf = (matrix: Float64Array, experts: number): number[][] =>
  Array.from({ length: matrix.length / experts }, (_, layer) => Array.from(matrix.subarray(layer * experts, (layer + 1) * experts)));

/** What of a task's statistics crosses to the page and into figures: the [L, E] sums, without the [L, E, E] ones. */
export const taskProfileOf = (task: { readonly name: string; readonly hash: string }, statistics: RoutingStatistics): TaskProfile => {
  const { items, tokens, experts, counts, gateMass, reapSum, eanSum } = statistics;
  return {
    task: task.name,
    taskHash: task.hash,
    items,
    tokens,
    counts: rowsOf(counts, experts),
    gateMass: rowsOf(gateMass, experts),
    reapSum: rowsOf(reapSum, experts),
    eanSum: rowsOf(eanSum, experts),
  };
};
