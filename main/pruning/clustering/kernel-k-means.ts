import type { RandomSource } from '../../statistics/random.ts';
import { byFirstAppearance } from './cluster-labels.ts';

/** Most Lloyd steps: assignments settle long before. */
const MAX_STEPS = 100;

/**
 * k-means of n nodes given only by their inner products (`gram` [n, n]): the same partition as k-means on the vectors
 * themselves, however long they are. Seeds by k-means++ (each with probability proportional to the squared distance to
 * the nearest chosen), the best of `restarts` runs by the sum of squared distances. Exactly k clusters: a cluster that
 * becomes empty takes the node farthest from its own centre. Labels by first appearance. Source: Arthur and
 * Vassilvitskii 2007 (k-means++); Dhillon, Guan and Kulis 2004 (kernel k-means).
 */
export const kernelKMeans = (
  gram: Float64Array,
  n: number,
  k: number,
  random: RandomSource,
  restarts = 8,
): Int32Array => {
  if (k < 1 || k > n) throw new RangeError(`cannot make ${k} clusters of ${n} nodes`);
  let best: Int32Array = new Int32Array(n);
  let least = Infinity;
  for (let run = 0; run < restarts; run++) {
    const labels = lloyd(gram, n, k, seeds(gram, n, k, random));
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

const seeds = (gram: Float64Array, n: number, k: number, random: RandomSource): number[] => {
  const chosen = [random.integer(n)];
  const isChosen = new Uint8Array(n);
  const nearest = new Float64Array(n).fill(Infinity);
  for (let latest = chosen[0]!; chosen.length < k; latest = chosen.at(-1)!) {
    isChosen[latest] = 1;
    for (let node = 0; node < n; node++)
      nearest[node] = isChosen[node] === 1 ? 0 : Math.min(nearest[node]!, squared(gram, n, node, latest));
    const total = nearest.reduce((sum, weight) => sum + weight, 0);
    let left = random.float() * total;
    let pick = nearest.findIndex((weight) => (left -= weight) < 0);
    // All remaining nodes coincide with a seed.
    if (pick === -1) pick = isChosen.indexOf(0);
    chosen.push(pick);
  }
  return chosen;
};

/** [n, k] squared distances of nodes from the means of clusters. */
const toCentres = (gram: Float64Array, n: number, k: number, labels: Int32Array): Float64Array => {
  const sizes = new Float64Array(k);
  labels.forEach((label) => (sizes[label]! += 1));
  const inner = new Float64Array(n * k);
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) inner[a * k + labels[b]!]! += gram[a * n + b]!;
  const spread = new Float64Array(k);
  labels.forEach((label, node) => (spread[label]! += inner[node * k + label]!));
  return inner.map((sum, at) => {
    const [node, cluster] = [Math.floor(at / k), at % k];
    const size = sizes[cluster]!;
    return size === 0
      ? Infinity
      : Math.max(0, gram[node * n + node]! - (2 * sum) / size + spread[cluster]! / size ** 2);
  });
};

const lloyd = (gram: Float64Array, n: number, k: number, start: readonly number[]): Int32Array => {
  let labels = Int32Array.from({ length: n }, (_, node) => {
    const own = start.indexOf(node);
    if (own !== -1) return own;
    return start.reduce(
      (near, seed, at) => (squared(gram, n, node, seed) < squared(gram, n, node, start[near]!) ? at : near),
      0,
    );
  });
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
