import type { AffinityName, MergeGroup } from '../../contract/plan.ts';
import { rankExperts } from '../budget.ts';
import { combineStatistics } from '../combine-statistics.ts';
import { layerRow } from '../layer-view.ts';
import type { PlanContext } from '../method.ts';
import { pinsByLayer } from '../pins-by-layer.ts';
import { expertAffinity } from './affinity.ts';
import { groupByDominants } from './dominants.ts';
import { groupExperts, type GroupRequest } from './group-experts.ts';
import { mostActive } from './reference-fitness.ts';

/**
 * Groups of every MoE layer led by the `keptPerLayer[layer]` most used experts; each of the others joins the leader
 * with the most similar router logits. @throws as `groupExperts`.
 */
export const groupsAroundMostUsed = (
  context: PlanContext,
  keptPerLayer: readonly number[],
  affinity: AffinityName,
  weights: GroupRequest['weights'],
): MergeGroup[][] => {
  const { layers, experts, pins } = context;
  const profile = combineStatistics(context);
  const pinned = pinsByLayer(pins, layers, experts);
  return Array.from({ length: layers }, (_, layer) => {
    const similarity = expertAffinity(affinity, profile, layer);
    const counts = layerRow(profile.counts, layer, experts);
    return groupAroundMostUsed(similarity, {
      counts,
      keep: keptPerLayer[layer]!,
      layer,
      pins: pinned[layer]!,
      weights,
    });
  });
};

/** The same for one layer, by any [E, E] similarity. */
export const groupAroundMostUsed = (
  similarity: Float64Array,
  request: Pick<GroupRequest, 'counts' | 'keep' | 'layer' | 'pins' | 'weights'>,
): MergeGroup[] =>
  groupExperts({
    ...request,
    affinity: similarity,
    fitness: mostActive(request.counts),
    cluster: (free, clusters) => {
      const leaders = rankExperts(request.counts)
        .filter((expert) => free.includes(expert))
        .slice(0, clusters);
      return groupByDominants(similarity, request.counts.length, free, leaders);
    },
  });
