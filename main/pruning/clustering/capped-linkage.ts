import { refuse } from '../../contract/errors.ts';
import { byFirstAppearance } from './cluster-labels.ts';
import { nearestPair } from './linkage.ts';

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
