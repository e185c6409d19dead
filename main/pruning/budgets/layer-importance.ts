import type { WeighedProfiles } from '../average-scores.ts';
import { layerRow } from '../layer-view.ts';
import { requireStatistic } from '../saliency/require-statistic.ts';

/**
 * Importance of every MoE layer: the sum over its experts of the loss that leaving out that expert alone makes, each
 * task's importances divided by their sum over the layers and averaged by the tasks' shares. [L]
 */
export const layerImportance = ({ statistics, taskShares }: WeighedProfiles): number[] => {
  const tasks = statistics.map(({ elimination, layers, experts }) => {
    const { single } = requireStatistic(elimination, 'what leaving out an expert does to each layer');
    const sums = Array.from({ length: layers }, (_, layer) =>
      layerRow(single, layer, experts).reduce((sum, loss) => sum + loss, 0),
    );
    const total = sums.reduce((sum, value) => sum + value, 0);
    return sums.map((value) => (total > 0 ? value / total : 1 / layers));
  });
  return (tasks[0] ?? []).map((_, layer) => tasks.reduce((sum, task, at) => sum + task[layer]! * taskShares[at]!, 0));
};
