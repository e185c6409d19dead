import { byFirstAppearance } from './cluster-labels.ts';

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
export const nearestPair = (
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
