import { minOf } from '../../statistics/extremes.ts';
import type { Merge } from './linkage.ts';

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
