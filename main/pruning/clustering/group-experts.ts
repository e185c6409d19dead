import { refuse } from '../../contract/errors.ts';
import type { MergeGroup } from '../../contract/plan.ts';
import type { LayerPins } from '../pins-by-layer.ts';

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
  /** Suitability of each member of a group as its reference; the first largest is chosen. */
  readonly fitness: (members: readonly number[]) => readonly number[];
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
    reference: members[firstLargest(fitness(members))]!,
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
