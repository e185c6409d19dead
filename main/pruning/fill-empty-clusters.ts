import { byFirstAppearance } from './spectral-clustering.ts';

/**
 * Exactly k clusters from a labelling that may use fewer: while one is missing, the node with the least mean affinity
 * to the rest of its own cluster (ties: the lower index) leaves it and stands alone. Labels by first appearance.
 */
export const fillEmptyClusters = (labels: Int32Array, affinity: Float64Array, k: number): Int32Array => {
  const filled = byFirstAppearance(labels);
  const n = filled.length;
  for (let next = new Set(filled).size; next < k; next++) {
    let loosest = -1;
    let least = Infinity;
    for (let node = 0; node < n; node++) {
      const mates = [...filled.keys()].filter((other) => other !== node && filled[other] === filled[node]);
      if (mates.length === 0) continue;
      const mean = mates.reduce((sum, mate) => sum + affinity[node * n + mate]!, 0) / mates.length;
      if (mean < least) {
        least = mean;
        loosest = node;
      }
    }
    filled[loosest] = next;
  }
  return byFirstAppearance(filled);
};
