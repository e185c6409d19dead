import { refuse } from '../../contract/errors.ts';
import { globalBudget } from '../budget.ts';
import type { DropBehaviour, MergeBehaviour, PlanContext, PlanInput } from '../method.ts';
import { inverseImportanceCounts, layerImportance } from './inverse-importance.ts';

/**
 * Kept experts of every MoE layer by the budget of a request: `keep` each; given by hand; in inverse proportion to the
 * importance of single experts; or by the best scores over all layers.
 *
 * @throws WorkbenchError `counts-invalid`, or `pins-impossible`.
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
