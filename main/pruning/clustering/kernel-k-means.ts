import type { KMeansOptimiser } from '../../contract/plan.ts';
import type { RandomSource } from '../../statistics/random.ts';
import { byFirstAppearance } from './cluster-labels.ts';

/** Most Lloyd steps, and most passes of single moves: assignments settle long before. */
const MAX_STEPS = 100;

/** A move must lower the inertia by more than this fraction of the nodes' squared lengths: less is rounding. */
const LEAST_GAIN = 1e-12;

/** How the clusters of one run are found from its random source. */
const optimisers: Readonly<
  Record<KMeansOptimiser, (gram: Float64Array, n: number, k: number, random: RandomSource) => Int32Array>
> = {
  lloyd: (gram, n, k, random) => lloyd(gram, n, k, seeds(gram, n, k, random, 1)),
  hartigan: (gram, n, k, random) =>
    singleMoves(gram, n, k, nearestSeeds(gram, n, seeds(gram, n, k, random, 2 + Math.floor(Math.log(k))))),
};

/**
 * k-means of n nodes given only by their inner products (`gram` [n, n]): the same partition as k-means on the vectors
 * themselves, however long they are. The best of `restarts` runs by the sum of squared distances. Exactly k clusters.
 * Labels by first appearance.
 *
 * `hartigan`: greedy k-means++ (of 2 + ln k nodes drawn with probability proportional to the squared distance to the
 * nearest seed, the one that leaves the least sum of them), then single nodes move to another cluster as long as that
 * lowers the inertia. `lloyd`: plain k-means++ (one node drawn each), then all nodes to the nearest mean at a time; a
 * cluster that becomes empty takes the node farthest from its own centre. Every end of `hartigan` is one of `lloyd`,
 * but not the reverse. Sources: Arthur and Vassilvitskii 2007 (k-means++, and its greedy variant); Hartigan and Wong
 * 1979; Telgarsky and Vattani 2010 (single moves); Dhillon, Guan and Kulis 2004 (kernel k-means).
 */
export const kernelKMeans = (
  gram: Float64Array,
  n: number,
  k: number,
  random: RandomSource,
  { restarts = 8, optimiser = 'hartigan' }: { readonly restarts?: number; readonly optimiser?: KMeansOptimiser } = {},
): Int32Array => {
  if (k < 1 || k > n) throw new RangeError(`cannot make ${k} clusters of ${n} nodes`);
  let best: Int32Array = new Int32Array(n);
  let least = Infinity;
  for (let run = 0; run < restarts; run++) {
    const labels = optimisers[optimiser](gram, n, k, random);
    const cost = inertiaOf(gram, n, k, labels);
    if (cost < least) {
      least = cost;
      best = labels;
    }
  }
  return byFirstAppearance(best);
};

const squared = (gram: Float64Array, n: number, a: number, b: number): number =>
  Math.max(0, gram[a * n + a]! + gram[b * n + b]! - 2 * gram[a * n + b]!);

/** k seeds; each of the others is the best of `candidates` drawn ones. */
const seeds = (gram: Float64Array, n: number, k: number, random: RandomSource, candidates: number): number[] => {
  const chosen = [random.integer(n)];
  const isChosen = new Uint8Array(n);
  let nearest = new Float64Array(n).fill(Infinity);
  const nearestWith = (latest: number): Float64Array<ArrayBuffer> =>
    nearest.map((least, node) =>
      isChosen[node] === 1 || node === latest ? 0 : Math.min(least, squared(gram, n, node, latest)),
    );
  for (let latest = chosen[0]!; chosen.length < k; latest = chosen.at(-1)!) {
    isChosen[latest] = 1;
    nearest = nearestWith(latest);
    const total = nearest.reduce((sum, weight) => sum + weight, 0);
    let best = -1;
    let least = Infinity;
    for (let candidate = 0; candidate < candidates; candidate++) {
      let left = random.float() * total;
      let pick = nearest.findIndex((weight) => (left -= weight) < 0);
      // All remaining nodes coincide with a seed.
      if (pick === -1) pick = isChosen.indexOf(0);
      const rest = candidates === 1 ? 0 : nearestWith(pick).reduce((sum, weight) => sum + weight, 0);
      if (rest < least) [best, least] = [pick, rest];
    }
    chosen.push(best);
  }
  return chosen;
};

/** The nearest seed of each node; a seed keeps its own. */
const nearestSeeds = (gram: Float64Array, n: number, start: readonly number[]): Int32Array =>
  Int32Array.from({ length: n }, (_, node) => {
    const cluster = start.indexOf(node);
    if (cluster !== -1) return cluster;
    return start.reduce(
      (near, seed, at) => (squared(gram, n, node, seed) < squared(gram, n, node, start[near]!) ? at : near),
      0,
    );
  });

/**
 * Moves single nodes to the cluster where they lower the inertia most, in their order, until a whole pass moves none. A
 * node at squared distance d of the mean of its m mates and itself takes m / (m - 1) d with it, and adds
 * m' / (m' + 1) d' to a cluster of m' others. The last node of a cluster stays.
 */
const singleMoves = (gram: Float64Array, n: number, k: number, start: Int32Array): Int32Array => {
  const labels = start.slice();
  const { sizes, inner, spread } = sums(gram, n, k, labels);
  let lengths = 0;
  for (let node = 0; node < n; node++) lengths += gram[node * n + node]!;
  const least = LEAST_GAIN * lengths;
  const distance = (node: number, cluster: number): number =>
    gram[node * n + node]! -
    (2 * inner[node * k + cluster]!) / sizes[cluster]! +
    spread[cluster]! / sizes[cluster]! ** 2;
  /** Adds (1) or takes away (-1) a node. */
  const change = (node: number, cluster: number, sign: 1 | -1): void => {
    // |sum of the members +- x|^2: the node's own product is in `inner` exactly while it is a member.
    spread[cluster]! += sign * 2 * inner[node * k + cluster]! + gram[node * n + node]!;
    for (let other = 0; other < n; other++) inner[other * k + cluster]! += sign * gram[other * n + node]!;
    sizes[cluster]! += sign;
  };
  for (let pass = 0; pass < MAX_STEPS; pass++) {
    let isMoved = false;
    for (let node = 0; node < n; node++) {
      const from = labels[node]!;
      const mates = sizes[from]!;
      if (mates === 1) continue;
      const taken = (mates / (mates - 1)) * distance(node, from);
      let to = from;
      let lowest = taken - least;
      for (let cluster = 0; cluster < k; cluster++) {
        if (cluster === from) continue;
        const added = (sizes[cluster]! / (sizes[cluster]! + 1)) * distance(node, cluster);
        if (added < lowest) [to, lowest] = [cluster, added];
      }
      if (to === from) continue;
      change(node, from, -1);
      change(node, to, 1);
      labels[node] = to;
      isMoved = true;
    }
    if (!isMoved) break;
  }
  return labels;
};

interface ClusterSums {
  /** [k] members. */
  readonly sizes: Float64Array;
  /** [n, k] inner products of nodes with the sums of clusters. */
  readonly inner: Float64Array;
  /** [k] squared lengths of these sums. */
  readonly spread: Float64Array;
}

const sums = (gram: Float64Array, n: number, k: number, labels: Int32Array): ClusterSums => {
  const sizes = new Float64Array(k);
  labels.forEach((label) => (sizes[label]! += 1));
  const inner = new Float64Array(n * k);
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) inner[a * k + labels[b]!]! += gram[a * n + b]!;
  const spread = new Float64Array(k);
  labels.forEach((label, node) => (spread[label]! += inner[node * k + label]!));
  return { sizes, inner, spread };
};

/** [n, k] squared distances of nodes from the means of clusters. */
const toCentres = (gram: Float64Array, n: number, k: number, labels: Int32Array): Float64Array => {
  const { sizes, inner, spread } = sums(gram, n, k, labels);
  return inner.map((sum, at) => {
    const [node, cluster] = [Math.floor(at / k), at % k];
    const size = sizes[cluster]!;
    return size === 0
      ? Infinity
      : Math.max(0, gram[node * n + node]! - (2 * sum) / size + spread[cluster]! / size ** 2);
  });
};

const lloyd = (gram: Float64Array, n: number, k: number, start: readonly number[]): Int32Array => {
  let labels = nearestSeeds(gram, n, start);
  for (let step = 0; step < MAX_STEPS; step++) {
    const distances = toCentres(gram, n, k, labels);
    const next = labels.map((label, node) => {
      let near = label;
      for (let cluster = 0; cluster < k; cluster++) {
        if (distances[node * k + cluster]! < distances[node * k + near]!) near = cluster;
      }
      return near;
    });
    fillClusters(next, distances, k);
    if (next.every((label, node) => label === labels[node])) break;
    labels = next;
  }
  return labels;
};

/** Gives every empty cluster the node that lies farthest from its own centre and is not alone there. */
const fillClusters = (labels: Int32Array, distances: Float64Array, k: number): void => {
  for (let cluster = 0; cluster < k; cluster++) {
    if (labels.includes(cluster)) continue;
    let farthest = -1;
    labels.forEach((label, node) => {
      const alone = labels.filter((other) => other === label).length === 1;
      if (alone) return;
      if (farthest === -1 || distances[node * k + label]! > distances[farthest * k + labels[farthest]!]!)
        farthest = node;
    });
    labels[farthest] = cluster;
  }
};

/** Sum of the squared distances of n nodes from the means of their clusters 0 .. k - 1: the objective of k-means. */
export const inertiaOf = (gram: Float64Array, n: number, k: number, labels: Int32Array): number => {
  const distances = toCentres(gram, n, k, labels);
  return labels.reduce((sum, label, node) => sum + distances[node * k + label]!, 0);
};
