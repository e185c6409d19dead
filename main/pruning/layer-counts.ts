import { refuse } from '../contract/errors.ts';
import { globalBudget } from './budget.ts';
import type { DropBehaviour, MergeBehaviour, PlanContext, PlanInput } from './method.ts';
import { type WeighedProfiles, layerRow, requireStatistic } from './weighed-profiles.ts';

/**
 * Kept experts of every MoE layer by the budget of a request: `keep` each; given by hand, or by measured losses; in
 * inverse proportion to the importance of single experts; or by the best scores over all layers.
 *
 * @throws WorkbenchError `counts-invalid`, `layers-unmeasured`, or `pins-impossible`.
 */
export const layerCounts = (
  { budget, counts }: Pick<PlanInput, 'budget' | 'counts'>,
  context: PlanContext,
  behaviour: DropBehaviour | MergeBehaviour,
  scores: readonly Float64Array[],
): number[] => {
  const { layers, experts, keep, topK, pins } = context;
  const least = Math.max(1, topK);
  switch (budget) {
    case 'uniform':
      return Array.from({ length: layers }, () => keep);
    case 'measured':
      if (counts === undefined)
        throw refuse(
          'layers-unmeasured',
          'The budget measured needs the losses of layers that are pruned alone, and none are known here.',
          'Run a sweep with this budget on the task: it measures them, once for all factors.',
        );
      return checkedCounts(counts, layers, experts, least);
    case 'manual':
      return checkedCounts(counts, layers, experts, least);
    case 'inverse-importance':
      return inverseImportanceCounts(layerImportance(context), experts, keep, least);
    case 'global':
      return (
        behaviour.globalCounts?.(context, least) ??
        globalBudget({ scores, keep, topK, pins }).map((kept) => kept.length)
      );
  }
};

const checkedCounts = (
  counts: readonly number[] | undefined,
  layers: number,
  experts: number,
  least: number,
): number[] => {
  const remedy = `Give one whole number from ${least} to ${experts} for each of the ${layers} MoE layers.`;
  if (counts === undefined)
    throw refuse('counts-invalid', 'The budget manual needs the number of kept experts of every layer.', remedy);
  if (counts.length !== layers) {
    throw refuse(
      'counts-invalid',
      `The budget names ${counts.length} layers; the model has ${layers} MoE layers.`,
      remedy,
    );
  }
  counts.forEach((count, layer) => {
    if (Number.isInteger(count) && count >= least && count <= experts) return;
    throw refuse('counts-invalid', `Layer ${layer} cannot keep ${count} of ${experts} experts.`, remedy);
  });
  return [...counts];
};

/**
 * Importance of every MoE layer: the sum over its experts of the loss of leaving out that expert alone, each task's
 * importances divided by their sum over the layers and averaged with the tasks' shares. [L]
 */
const layerImportance = ({ statistics, taskShares }: WeighedProfiles): number[] => {
  const tasks = statistics.map(({ elimination, layers, experts }) => {
    const { single } = requireStatistic(elimination, 'the effect of leaving out experts on each layer');
    const sums = Array.from({ length: layers }, (_, layer) =>
      layerRow(single, layer, experts).reduce((sum, loss) => sum + loss, 0),
    );
    const total = sums.reduce((sum, value) => sum + value, 0);
    return sums.map((value) => (total > 0 ? value / total : 1 / layers));
  });
  return (tasks[0] ?? []).map((_, layer) => tasks.reduce((sum, task, at) => sum + task[layer]! * taskShares[at]!, 0));
};

/** Added to every importance, so that a layer with none has a finite share. */
const BACKGROUND = 1e-12;

/**
 * Kept experts per layer when layers lose experts in inverse proportion to their importance: of (experts - keep) * L
 * experts to remove, layer l gives a part proportional to 1 / (I_l + 1e-12), rounded down, the rest by the largest
 * remainders (ties: the lower layer); no layer falls below `least`, and the others give what it cannot. Source: MoE-I2,
 * arXiv 2411.01016, with I_l the loss of leaving out single experts.
 */
export const inverseImportanceCounts = (
  importance: readonly number[],
  experts: number,
  keep: number,
  least: number,
): number[] => {
  const most = experts - least;
  const dropped = importance.map(() => 0);
  let left = (experts - keep) * importance.length;
  while (left > 0) {
    const open = dropped.flatMap((count, layer) => (count < most ? [layer] : []));
    const weights = open.map((layer) => 1 / (importance[layer]! + BACKGROUND));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const wanted = open.map((layer, at) => ({ layer, exact: (left * weights[at]!) / total }));
    const given = wanted.map(({ layer, exact }) => ({
      layer,
      count: Math.min(Math.floor(exact), most - dropped[layer]!),
    }));
    const whole = given.reduce((sum, { count }) => sum + count, 0);
    for (const { layer, count } of given) dropped[layer]! += count;
    left -= whole;
    if (given.some(({ layer }) => dropped[layer] === most)) continue;
    // No layer is at its limit: the remainders are fewer than the layers, and decide the rest.
    const byRemainder = [...wanted].sort((a, b) => (b.exact % 1) - (a.exact % 1) || a.layer - b.layer);
    for (const { layer } of byRemainder.slice(0, left)) dropped[layer]! += 1;
    break;
  }
  return dropped.map((count) => experts - count);
};
