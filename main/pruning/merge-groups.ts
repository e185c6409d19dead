import type { MergeGroup, UncurlOptions } from '../contract/plan.ts';
import { fillEmptyClusters } from './fill-empty-clusters.ts';
import { groupExperts, membersOf, mostActive, mostCentral, squareOf, type GroupRequest } from './group-experts.ts';
import { spectralClusters } from './spectral-clustering.ts';

export interface MergeGroupsRequest extends Pick<
  GroupRequest,
  'affinity' | 'counts' | 'keep' | 'layer' | 'pins' | 'weights'
> {
  readonly reference: UncurlOptions['reference'];
}

/** UNCURL's groups of one MoE layer: spectral clusters of the affinity. @throws as `groupExperts`. */
export const mergeGroups = (request: MergeGroupsRequest): MergeGroup[] => {
  const { affinity, counts, reference } = request;
  const experts = counts.length;
  return groupExperts({
    ...request,
    fitness: reference === 'most-active' ? mostActive(counts) : mostCentral(affinity, experts),
    cluster: (free, clusters) => {
      const part = squareOf(affinity, experts, free);
      const labels = fillEmptyClusters(spectralClusters(part, free.length, clusters), part, clusters);
      return membersOf(free, labels, clusters);
    },
  });
};
