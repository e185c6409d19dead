import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { sharesOfLayer } from './budget.ts';

/** Score of every expert of one MoE layer, higher is better. [E] */
export type Saliency = (statistics: RoutingStatistics, layer: number) => Float64Array;

/** Profiles of one or more tasks, and the weight of each (shares that sum to 1). */
export interface WeighedProfiles {
  readonly statistics: readonly RoutingStatistics[];
  readonly taskShares: readonly number[];
}

/**
 * Scores of every MoE layer over several tasks: each task's scores are divided by their sum over the layer, so that no
 * task outweighs another by its length or its norms, then averaged with the tasks' shares. With one task the order is
 * that of the saliency.
 */
export const averageScores = ({ statistics, taskShares }: WeighedProfiles, saliency: Saliency): Float64Array[] =>
  Array.from({ length: statistics[0]?.layers ?? 0 }, (_, layer) => {
    const tasks = statistics.map((task) => sharesOfLayer(saliency(task, layer)));
    return Float64Array.from(tasks[0] ?? [], (_share, expert) =>
      tasks.reduce((sum, task, at) => sum + task[expert]! * taskShares[at]!, 0),
    );
  });
