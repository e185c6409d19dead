import { useMemo } from 'react';
import type { TaskProfile } from '../../main/contract/profile.ts';
import type { CellMatrix, ExpertIndices, Subtracted } from '../../main/figures/cell-matrix.ts';
import { atIndices, canSubtract, goneThere, indicesInCopy, matrixDifference } from '../../main/figures/cell-matrix.ts';
import { amountScale, type ColorScale, differenceScale } from '../../main/figures/colors.ts';
import { type MapScaling, type ShadedMap, shadedMap, suitedScaling } from '../../main/figures/map-scaling.ts';
import { focusedTask, isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { useResolvedTheme } from '../state/theme.ts';
import { metricMatrix } from './metrics.ts';
import { useProfiles, useProfilesOf } from './use-profiles.ts';
import type { ModelEntry, PrunedCopies } from '../../main/contract/model.ts';
import { useQuery } from '../engine/engine-context.tsx';

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

/** The chosen subtraction; its profiles may be missing. */
export interface Subtraction {
  readonly kind: 'task' | 'model';
  readonly title: string;
  /** Statistics to subtract from a profile of the selected model; null if not profiled. */
  readonly from: (profile: TaskProfile) => Subtracted | null;
}

/** The chosen subtraction; null if none, or if its task or model is gone. */
export const useSubtraction = (): Subtraction | null => {
  const facts = useFacts();
  const { tasks, models, selection } = facts;
  const { minus } = selection.map;
  const { profileOf } = useProfiles();
  const comparable = useComparableModels();
  const other = minus?.kind === 'model' ? (models.find(({ handle }) => handle === minus.model) ?? null) : null;
  const { profileOf: othersOf } = useProfilesOf(other);
  const comparison = comparable.find(({ entry }) => entry.handle === other?.handle);
  const task = minus?.kind === 'task' ? (tasks.find(({ handle }) => handle === minus.task) ?? null) : null;
  const focused = focusedTask(facts)?.handle;
  return useMemo((): Subtraction | null => {
    if (task !== null && task.handle !== focused) {
      const profile = profileOf(task);
      const subtracted = profile === undefined ? null : { name: task.name, profile, indices: null };
      return { kind: 'task', title: task.title, from: () => subtracted };
    }
    if (other === null || comparison === undefined) return null;
    return {
      kind: 'model',
      title: other.name,
      from: (profile) => {
        const found = othersOf({ name: profile.task, hash: profile.taskHash });
        if (found === undefined) return null;
        const subtracted = { name: other.name, profile: found, indices: comparison.indices };
        return canSubtract(profile, subtracted) ? subtracted : null;
      },
    };
  }, [task, focused, profileOf, other, othersOf, comparison]);
};

export interface RoutingMatrix {
  /** Null only for experts that are missing in the subtracted model. */
  readonly matrix: CellMatrix;
  /** The matrix on the colour scale, with that scale. */
  readonly shaded: ShadedMap;
  readonly scale: ColorScale;
  /** The task or model that is subtracted; null if absolute values are shown. */
  readonly minus: {
    readonly title: string;
    readonly kind: Subtraction['kind'];
    readonly subtracted: Subtracted;
  } | null;
  /** Experts missing in the subtracted model, [L][E]. */
  readonly gone: readonly (readonly boolean[])[] | null;
}

/** A profile's metric minus the subtracted one; 0 for an expert that no token chose. */
export const differenceOf = (
  profile: TaskProfile,
  metric: Parameters<typeof metricMatrix>[1],
  subtracted: Subtracted,
): CellMatrix =>
  matrixDifference(
    metricMatrix(profile, metric),
    atIndices(metricMatrix(subtracted.profile, metric), subtracted.indices),
  );

/** The colours chosen for the map, else those that suit the number of experts of the model on screen. */
export const useMapScaling = (): MapScaling => {
  const facts = useFacts();
  const { scaling, minus } = facts.selection.map;
  return scaling ?? suitedScaling(selectedModel(facts)?.info?.experts ?? 0, minus !== null);
};

/** The matrix that the heatmap shows for a profile: absolute values, or the difference to the chosen task or model. */
export const useRoutingMatrix = (profile: TaskProfile): RoutingMatrix => {
  const { metric } = useFacts().selection.map;
  const scaling = useMapScaling();
  const subtraction = useSubtraction();
  const theme = useResolvedTheme();
  return useMemo(() => {
    const subtracted = subtraction?.from(profile) ?? null;
    if (subtraction === null || subtracted === null) {
      const matrix = metricMatrix(profile, metric);
      return { matrix, shaded: shadedMap(matrix, scaling), scale: amountScale(1), minus: null, gone: null };
    }
    const matrix = differenceOf(profile, metric, subtracted);
    return {
      matrix,
      shaded: shadedMap(matrix, scaling, true),
      scale: differenceScale(1, theme),
      minus: { title: subtraction.title, kind: subtraction.kind, subtracted },
      gone: goneThere(subtracted),
    };
  }, [profile, subtraction, metric, scaling, theme]);
};
