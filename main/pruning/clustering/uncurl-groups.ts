import type { MergeGroup, UncurlOptions } from '../../contract/plan.ts';
import { rankExperts } from '../budget.ts';
import { fillEmptyClusters, membersOf, squareOf } from './cluster-labels.ts';
import { groupExperts, type GroupRequest, type LayerRequest, mostCentral } from './group-experts.ts';
import { spectralClusters, type SpectralVariant } from './spectral-clustering.ts';

interface UncurlGroupsRequest extends LayerRequest {
  readonly affinity: GroupRequest['affinity'];
  readonly reference: UncurlOptions['reference'];
  readonly spectral: SpectralVariant;
}

/** UNCURL's groups of one MoE layer: spectral clusters of the affinity. @throws as `groupExperts`. */
export const uncurlGroups = (request: UncurlGroupsRequest): MergeGroup[] => {
  const { affinity, counts, reference, spectral } = request;
  const experts = counts.length;
  return groupExperts({
    ...request,
    ...(reference === 'medoid' ? { fitness: mostCentral(affinity, experts) } : {}),
    cluster: (free, clusters) => {
      const part = squareOf(affinity, experts, free);
      const labels = fillEmptyClusters(spectralClusters(part, free.length, clusters, spectral), part, clusters);
      return membersOf(free, labels, clusters);
    },
  });
};

/**
 * Groups of a layer that is reduced to its most used experts: each of them leads a group in which only it has weight;
 * the others join the most similar one with weight 0. @throws as `groupExperts`.
 */
export const mostUsedGroups = (request: Omit<UncurlGroupsRequest, 'reference' | 'spectral'>): MergeGroup[] => {
  const { counts, keep, pins } = request;
  const free = rankExperts(counts).filter((expert) => !pins.stay.has(expert) && !pins.go.has(expert));
  const dropped = free.slice(Math.max(0, keep - pins.stay.size));
  return groupExperts({
    ...request,
    pins: { stay: pins.stay, go: new Set([...pins.go, ...dropped]) },
    cluster: (rest) => rest.map((expert) => [expert]),
  });
};
