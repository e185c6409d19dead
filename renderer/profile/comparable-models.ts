import { useMemo } from 'react';
import type { ModelEntry, PrunedCopies } from '../../main/contract/model.ts';
import { type ExpertIndices, indicesInCopy } from '../../main/figures/cell-matrix.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { isUsable, selectedModel, useFacts } from '../engine/facts.ts';

/** A model whose map can be compared with the selected model's, with the mapping of its experts. */
export interface ComparableModel {
  readonly entry: ModelEntry;
  /** Positions in this model of the selected model's experts; null if both number their experts alike. */
  readonly indices: ExpertIndices | null;
  readonly relation: 'pruned' | 'source' | 'shape';
}

/** Models of the same shape as the selected one, its pruned copies, and the model it was pruned from. */
export const comparableModels = (
  models: readonly ModelEntry[],
  own: ModelEntry,
  pruned: PrunedCopies | undefined,
): readonly ComparableModel[] =>
  models.flatMap((entry): readonly ComparableModel[] => {
    if (entry.handle === own.handle || !isUsable(entry) || own.info === null) return [];
    const copy = pruned?.copies.find(({ model }) => model === entry.handle);
    if (copy !== undefined)
      return [{ entry, indices: indicesInCopy(copy.standsFor, own.info.experts), relation: 'pruned' }];
    if (pruned?.source?.model === entry.handle)
      return [{ entry, indices: pruned.source.standsFor, relation: 'source' }];
    return entry.info.experts === own.info.experts && entry.info.moeLayers === own.info.moeLayers
      ? [{ entry, indices: null, relation: 'shape' }]
      : [];
  });

export const useComparableModels = (): readonly ComparableModel[] => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const { data } = useQuery('models.pruned', isUsable(model) ? { model: model.handle } : null);
  const { models } = facts;
  return useMemo(() => (model === null ? [] : comparableModels(models, model, data)), [models, model, data]);
};
