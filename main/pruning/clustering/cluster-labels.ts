/** The same partition with labels in order of first appearance. */
export const byFirstAppearance = (labels: Int32Array): Int32Array => {
  const names = new Map<number, number>();
  return labels.map((label) => {
    const name = names.get(label) ?? names.size;
    names.set(label, name);
    return name;
  });
};

/**
 * Exactly k clusters from a labelling that may use fewer: while one is missing, the node with the least mean affinity
 * to the rest of its own cluster (ties: the lower index) becomes a cluster of its own. Labels by first appearance.
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

/** Members of each label, the labels being 0 .. clusters - 1 of the nodes in their order. */
export const membersOf = (nodes: readonly number[], labels: ArrayLike<number>, clusters: number): number[][] => {
  const partition: number[][] = Array.from({ length: clusters }, () => []);
  nodes.forEach((node, at) => partition[labels[at]!]!.push(node));
  return partition;
};

/** Rows and columns of an [n, n] matrix that belong to `nodes`. */
export const squareOf = (matrix: Float64Array, n: number, nodes: readonly number[]): Float64Array =>
  Float64Array.from({ length: nodes.length ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / nodes.length), at % nodes.length];
    return matrix[nodes[i]! * n + nodes[j]!]!;
  });
