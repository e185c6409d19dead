import { refuse } from '../../contract/errors.ts';
import type { MergeGroup } from '../../contract/plan.ts';
import { type LayerPins, rankExperts } from '../budget.ts';

export interface GroupRequest {
  /** [E] weights of the members in the average; they also determine the most active member. */
  readonly counts: Float64Array;
  /** [E, E], larger is nearer: determines the group of an expert pinned to go. */
  readonly affinity: Float64Array;
  readonly keep: number;
  /** For messages only. */
  readonly layer: number;
  readonly pins: LayerPins;
  /** Partitions the free experts (original numbers) into exactly `clusters` non-empty groups. */
  readonly cluster: (free: readonly number[], clusters: number) => readonly (readonly number[])[];
  /** Suitability of each member of a group as its reference, the first largest is chosen; absent: `counts`. */
  readonly fitness?: (members: readonly number[]) => readonly number[];
  readonly weights: 'activation' | 'uniform';
}

/**
 * Partition of the experts of one MoE layer into `keep` groups, in the order of their lowest member. An expert pinned
 * to stay is a group of its own; one pinned to go joins the group with the largest mean affinity, with weight 0 and
 * never as the reference, so that its weights disappear. A group that no token chose is weighted evenly.
 *
 * @throws WorkbenchError `pins-impossible` where pinned experts leave no group to merge the others into.
 */
export const groupExperts = (request: GroupRequest): MergeGroup[] => {
  const { affinity, counts, keep, layer, pins } = request;
  const experts = counts.length;
  const free = [...counts.keys()].filter((expert) => !pins.stay.has(expert) && !pins.go.has(expert));
  const clusters = keep - pins.stay.size;
  if (clusters > free.length || (clusters < 1 && free.length > 0) || clusters < 0) {
    throw refuse(
      'pins-impossible',
      `The pins cannot be met: layer ${layer} keeps ${keep} of ${experts} experts, ${pins.stay.size} are pinned to ` +
        `stay unmerged and ${pins.go.size} to go, which leaves ${free.length} experts for ` +
        `${Math.max(0, clusters)} groups.`,
      'Remove pins, or keep another number of experts.',
    );
  }
  const alone: readonly (readonly number[])[] = [...pins.stay].map((expert) => [expert]);
  const partition = free.length > 0 ? [...alone, ...request.cluster(free, clusters)] : alone;

  const groups = partition.map((members) => describeGroup(members, request));
  for (const expert of pins.go) {
    const nearest = groups[nearestGroup(expert, partition, affinity, experts)]!;
    nearest.members.push(expert);
    nearest.weights.push(0);
  }
  return groups.map(inAscendingOrder).sort((a, b) => a.members[0]! - b.members[0]!);
};

const describeGroup = (members: readonly number[], { counts, fitness, weights }: GroupRequest): MergeGroup => {
  const activations = members.map((member) => counts[member]!);
  const idle = activations.every((count) => count === 0);
  return {
    members: [...members],
    reference: members[firstLargest(fitness?.(members) ?? activations)]!,
    weights: weights === 'uniform' || idle ? members.map(() => 1) : activations,
  };
};

const nearestGroup = (
  expert: number,
  partition: readonly (readonly number[])[],
  affinity: Float64Array,
  experts: number,
): number =>
  firstLargest(
    partition.map(
      (members) => members.reduce((sum, member) => sum + affinity[expert * experts + member]!, 0) / members.length,
    ),
  );

const firstLargest = (values: readonly number[]): number =>
  values.reduce((best, value, at) => (value > values[best]! ? at : best), 0);

const inAscendingOrder = ({ members, reference, weights }: MergeGroup): MergeGroup => {
  const order = [...members.keys()].sort((a, b) => members[a]! - members[b]!);
  return { members: order.map((at) => members[at]!), reference, weights: order.map((at) => weights[at]!) };
};

/** Sum of each member's affinities to the others: the medoid has the largest. */
export const mostCentral =
  (affinity: Float64Array, experts: number) =>
  (members: readonly number[]): number[] =>
    members.map((member) =>
      members.reduce((sum, other) => (other === member ? sum : sum + affinity[member * experts + other]!), 0),
    );

/** Significant digits of a squared distance: two members of a pair are equally far from their mean up to rounding. */
const DIGITS = 12;

/**
 * Fitness of a group's members: their closeness to the group's mean, by Euclidean distance of their rows in an [E,
 * width] matrix; the nearest is HC-SMoE's dominant expert.
 */
export const nearestToMean =
  (features: Float64Array, width: number) =>
  (members: readonly number[]): number[] => {
    const mean = new Float64Array(width);
    for (const member of members)
      for (let h = 0; h < width; h++) mean[h]! += features[member * width + h]! / members.length;
    return members.map((member) => {
      let squares = 0;
      for (let h = 0; h < width; h++) squares += (features[member * width + h]! - mean[h]!) ** 2;
      return -Number(squares.toPrecision(DIGITS));
    });
  };

/**
 * Groups around dominant experts: every other node joins the dominant one that is most similar to it, ties to the
 * dominant named first. `similarity` is [n, n], larger is nearer. One list per dominant, in their order; a group may
 * contain only its dominant. Source: M-SMoE, Li et al. 2024, arXiv 2310.01334.
 */
export const groupByDominants = (
  similarity: Float64Array,
  n: number,
  nodes: readonly number[],
  dominants: readonly number[],
): number[][] => {
  const groups = dominants.map((dominant) => [dominant]);
  for (const node of nodes) {
    if (dominants.includes(node)) continue;
    let nearest = 0;
    dominants.forEach((dominant, at) => {
      if (similarity[node * n + dominant]! > similarity[node * n + dominants[nearest]!]!) nearest = at;
    });
    groups[nearest]!.push(node);
  }
  return groups;
};

/**
 * REAM's grouping: centroids in the given order (decreasing saliency) each take the nearest free nodes, up to
 * `capacity` members with the centroid, until none is left; most groups then stay single ("pseudo-pruning").
 * `distances` is [n, n]; ties go to the lower node. One list per centroid, in their order. Where the capacity is too
 * small for all nodes, it is raised until it suffices. Source: REAM, arXiv 2604.04356; pseudo_group of the
 * SamsungSAILMontreal/ream repository.
 */
export const pseudoGroups = (
  distances: Float64Array,
  n: number,
  nodes: readonly number[],
  centroids: readonly number[],
  capacity: number,
): number[][] => {
  const size = Math.max(capacity, Math.ceil(nodes.length / centroids.length));
  const free = new Set(nodes.filter((node) => !centroids.includes(node)));
  return centroids.map((centroid) => {
    const nearest = [...free].sort((a, b) => distances[centroid * n + a]! - distances[centroid * n + b]! || a - b);
    const taken = nearest.slice(0, size - 1);
    for (const node of taken) free.delete(node);
    return [centroid, ...taken];
  });
};

/** The part of a request that does not depend on the method. */
export type LayerRequest = Pick<GroupRequest, 'counts' | 'keep' | 'layer' | 'pins' | 'weights'>;

/**
 * Groups of one MoE layer led by its most used experts; each of the others joins the leader that is most similar by an
 * [E, E] matrix. @throws as `groupExperts`.
 */
export const groupAroundMostUsed = (similarity: Float64Array, request: LayerRequest): MergeGroup[] =>
  groupExperts({
    ...request,
    affinity: similarity,
    cluster: (free, clusters) => {
      const leaders = rankExperts(request.counts)
        .filter((expert) => free.includes(expert))
        .slice(0, clusters);
      return groupByDominants(similarity, request.counts.length, free, leaders);
    },
  });
