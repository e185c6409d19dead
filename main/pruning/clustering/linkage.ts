import { softmax } from '../../arithmetic/vectors.ts';
import { byFirstAppearance } from './cluster-labels.ts';
import { refuse } from '../../contract/errors.ts';
import { minOf } from '../../statistics/extremes.ts';

export const linkageNames = ['average', 'single', 'complete', 'ward'] as const;
export type LinkageName = (typeof linkageNames)[number];

/** One agglomeration: the clusters of the nodes `first` and `second` (each cluster's lowest node) join at `height`. */
export interface Merge {
  readonly first: number;
  readonly second: number;
  readonly height: number;
}

/**
 * Hierarchical clustering of n nodes from their [n, n] distances: n - 1 merges by increasing height, always of the
 * nearest two clusters; ties go to the lower nodes. `average` is UPGMA (each pair of nodes counts equally), `ward`
 * applies its recurrence to the unsquared distances, as scipy does. Time O(n^3). Source: Lance and Williams 1967; the
 * same merges as scipy.cluster.hierarchy.linkage where no heights tie.
 */
export const linkage = (distances: Float64Array, n: number, name: LinkageName): Merge[] => {
  const between = distances.slice();
  const sizes = new Float64Array(n).fill(1);
  const alive = Array.from({ length: n }, (_, node) => node);
  const merges: Merge[] = [];
  while (alive.length > 1) {
    const { first, second, height } = nearestPair(between, n, alive);
    merges.push({ first, second, height });
    alive.splice(alive.indexOf(second), 1);
    for (const other of alive) {
      if (other === first) continue;
      const joined = update(name, {
        toFirst: between[first * n + other]!,
        toSecond: between[second * n + other]!,
        height,
        first: sizes[first]!,
        second: sizes[second]!,
        other: sizes[other]!,
      });
      between[first * n + other] = between[other * n + first] = joined;
    }
    sizes[first]! += sizes[second]!;
  }
  return merges;
};

/** Labels of n nodes after the first n - k merges, numbered by first appearance. */
export const cutLinkage = (merges: readonly Merge[], n: number, k: number): Int32Array => {
  if (k < 1 || k > n) throw new RangeError(`cannot make ${k} clusters of ${n} nodes`);
  const labels = Int32Array.from({ length: n }, (_, node) => node);
  for (const { first, second } of merges.slice(0, n - k)) {
    labels.forEach((label, node) => {
      if (label === second) labels[node] = first;
    });
  }
  return byFirstAppearance(labels);
};

/** Nearest two clusters, `first` below `second`; ties go to the lower nodes. */
const nearestPair = (
  distances: Float64Array,
  n: number,
  alive: readonly number[],
  allowed: (first: number, second: number) => boolean = () => true,
): Merge => {
  let best: Merge = { first: -1, second: -1, height: Infinity };
  for (let i = 0; i < alive.length; i++) {
    const first = alive[i]!;
    for (let j = i + 1; j < alive.length; j++) {
      const second = alive[j]!;
      const height = distances[first * n + second]!;
      if (height < best.height && allowed(first, second)) best = { first, second, height };
    }
  }
  return best;
};

interface Joining {
  readonly toFirst: number;
  readonly toSecond: number;
  readonly height: number;
  /** Nodes in the two joining clusters, and in the other one. */
  readonly first: number;
  readonly second: number;
  readonly other: number;
}

const update = (name: LinkageName, { toFirst, toSecond, height, first, second, other }: Joining): number => {
  switch (name) {
    case 'average':
      return (first * toFirst + second * toSecond) / (first + second);
    case 'single':
      return Math.min(toFirst, toSecond);
    case 'complete':
      return Math.max(toFirst, toSecond);
    case 'ward': {
      const squares = (first + other) * toFirst ** 2 + (second + other) * toSecond ** 2 - other * height ** 2;
      return Math.sqrt(Math.max(0, squares / (first + second + other)));
    }
  }
};

/**
 * Agglomerative clustering into k clusters of at most `capacity` nodes: joins the nearest two clusters whose union
 * fits, and the distance of a union is the unweighted mean of the two (WPGMA). Labels by first appearance. Source:
 * restricted hierarchical clustering of the CerebrasResearch/reap repository.
 *
 * @throws WorkbenchError `groups-too-small` where no two clusters may join any more.
 */
export const cappedClusters = (distances: Float64Array, n: number, k: number, capacity: number): Int32Array => {
  const between = distances.slice();
  const sizes = new Float64Array(n).fill(1);
  const labels = Int32Array.from({ length: n }, (_, node) => node);
  const alive = [...labels];
  while (alive.length > k) {
    const { first, second } = nearestPair(between, n, alive, (a, b) => sizes[a]! + sizes[b]! <= capacity);
    if (first === -1) {
      throw refuse(
        'groups-too-small',
        `${n} experts cannot be joined to ${k} groups of at most ${capacity}: no two of the ${alive.length} ` +
          `groups left fit.`,
        'Allow larger groups, or keep more experts.',
      );
    }
    alive.splice(alive.indexOf(second), 1);
    for (const other of alive) {
      if (other === first) continue;
      const mean = (between[first * n + other]! + between[second * n + other]!) / 2;
      between[first * n + other] = between[other * n + first] = mean;
    }
    sizes[first]! += sizes[second]!;
    labels.forEach((label, node) => {
      if (label === second) labels[node] = first;
    });
  }
  return byFirstAppearance(labels);
};

/**
 * Penalty of each expert: its share of the total probability, or softmax(probability / temperature). [n], sums to 1.
 * `temperature` null or 0: the plain shares.
 */
export const frequencyPenalty = (probabilities: Float64Array, temperature: number | null): Float64Array => {
  if (temperature === null || temperature === 0) {
    const total = probabilities.reduce((sum, value) => sum + value, 0);
    return probabilities.map((value) => (total > 0 ? value / total : 1 / probabilities.length));
  }
  return softmax(probabilities.map((value) => value / temperature));
};

/** Distances [n, n] times the sum of both penalties: pairs of frequent experts move apart. */
export const penaliseDistances = (distances: Float64Array, penalty: Float64Array): Float64Array => {
  const n = penalty.length;
  return distances.map((value, at) => value * (penalty[Math.floor(at / n)]! + penalty[at % n]!));
};

/**
 * Agglomerative clustering into k clusters that joins rare experts first: at each step the two clusters with the least
 * distance times the sum of their penalties join; the union's distance is the mean weighted by the penalties and its
 * probability the sum. Labels by first appearance.
 * Source: dynamic frequency penalised clustering of the CerebrasResearch/reap repository.
 */
export const penalisedClusters = (
  distances: Float64Array,
  probabilities: Float64Array,
  k: number,
  temperature: number | null,
): Int32Array => {
  const n = probabilities.length;
  const between = distances.slice();
  const mass = probabilities.slice();
  const labels = Int32Array.from({ length: n }, (_, node) => node);
  const alive = [...labels];
  while (alive.length > k) {
    // Absorbed experts keep a probability of 0, and with it a term in the softmax.
    const penalty = frequencyPenalty(mass, temperature);
    const { first, second } = nearestPair(penaliseDistances(between, penalty), n, alive);
    alive.splice(alive.indexOf(second), 1);
    const [a, b] = [penalty[first]!, penalty[second]!];
    for (const other of alive) {
      if (other === first) continue;
      const [toFirst, toSecond] = [between[first * n + other]!, between[second * n + other]!];
      const mean = a + b > 0 ? (toFirst * a + toSecond * b) / (a + b) : (toFirst + toSecond) / 2;
      between[first * n + other] = between[other * n + first] = mean;
    }
    mass[first]! += mass[second]!;
    mass[second] = 0;
    labels.forEach((label, node) => {
      if (label === second) labels[node] = first;
    });
  }
  return byFirstAppearance(labels);
};

/**
 * Average linkage (UPGMA) of n nodes from their [n, n] distances by chains of nearest neighbours: the tree of `linkage`
 * where no heights tie, in time O(n^2) instead of O(n^3), its merges in the order in which they were found (parts of a
 * cluster always before it). Each cluster has the number of its lowest node. Source: Murtagh 1983, A survey of recent
 * advances in hierarchical clustering algorithms; average linkage is reducible, so a pair of mutual nearest neighbours
 * may join at once.
 */
export const averageLinkageTree = (distances: Float64Array, n: number): Merge[] => {
  const between = distances.slice();
  const sizes = new Float64Array(n).fill(1);
  const alive = new Set(Array.from({ length: n }, (_, node) => node));
  const merges: Merge[] = [];
  const chain: number[] = [];
  while (alive.size > 1) {
    if (chain.length === 0) chain.push(minOf(alive));
    const tip = chain[chain.length - 1]!;
    const previous = chain[chain.length - 2];
    // A tie with the previous cluster of the chain ends it there; otherwise it would not terminate.
    let nearest = previous ?? -1;
    let height = previous === undefined ? Infinity : between[tip * n + previous]!;
    for (const other of alive) {
      if (other === tip || !(between[tip * n + other]! < height)) continue;
      nearest = other;
      height = between[tip * n + other]!;
    }
    if (nearest !== previous) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const [first, second] = tip < nearest ? [tip, nearest] : [nearest, tip];
    merges.push({ first, second, height });
    alive.delete(second);
    const [a, b] = [sizes[first]!, sizes[second]!];
    for (const other of alive) {
      if (other === first) continue;
      const joined = (a * between[first * n + other]! + b * between[second * n + other]!) / (a + b);
      between[first * n + other] = between[other * n + first] = joined;
    }
    sizes[first] = a + b;
  }
  return merges;
};

/**
 * Leaves of a hierarchical clustering from left to right: each merge appends the second cluster's nodes to those of the
 * first, so that nodes that join early are adjacent. `merges` name clusters by their lowest node, parts before the
 * whole.
 */
export const leafOrder = (merges: readonly Merge[], n: number): readonly number[] => {
  const clusters = new Map<number, number[]>(Array.from({ length: n }, (_, node) => [node, [node]]));
  for (const { first, second } of merges) {
    const joined = clusters.get(first);
    for (const node of clusters.get(second) ?? []) joined?.push(node);
    clusters.delete(second);
  }
  return [...clusters.values()].flat();
};
