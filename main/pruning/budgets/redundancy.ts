/** Pairs of experts of one layer as they merge: by decreasing similarity; ties go to the lower experts. */
interface LayerMerges {
  /** [first, second, similarity], the next one at `at`. */
  readonly pairs: readonly (readonly [number, number, number])[];
  at: number;
  /** Sum of the similarities of the pairs that have not merged, both ways. */
  redundancy: number;
  readonly cluster: number[];
  count: number;
}

const mergesOf = (similarity: Float64Array, experts: number): LayerMerges => {
  const pairs: [number, number, number][] = [];
  for (let i = 0; i < experts; i++)
    for (let j = i + 1; j < experts; j++) pairs.push([i, j, similarity[i * experts + j]!]);
  pairs.sort((a, b) => b[2] - a[2] || a[0] - b[0] || a[1] - b[1]);
  const redundancy = pairs.reduce((sum, [, , value]) => sum + 2 * value, 0);
  return { pairs, at: 0, redundancy, cluster: Array.from({ length: experts }, (_, e) => e), count: experts };
};

/** - sum of p_l ln p_l, p_l the share of layer l in all clusters. */
const entropyOf = (layers: readonly LayerMerges[]): number => {
  const total = layers.reduce((sum, { count }) => sum + count, 0);
  return -layers.reduce((sum, { count }) => sum + (count / total) * Math.log(count / total), 0);
};

/**
 * Clusters per layer by GRAPE's greedy allocation, `keep` * L in all and none below `least`: again and again the most
 * similar pair of the layer with the largest remaining redundancy merges. A layer whose merge leaves the entropy of the
 * clusters' shares below (1 - `tolerance`) times the first is closed; once all are closed, all open again. Ties go to
 * the lower layer and the lower experts. `similarities` are [E, E] per layer, symmetric, none negative. Source: Zhang
 * et al. 2026, arXiv 2604.06542, equations 8 to 11 and algorithm 1; the least number is ours.
 */
export const redundancyCounts = (
  similarities: readonly Float64Array[],
  experts: number,
  keep: number,
  least: number,
  tolerance: number,
): number[] => {
  const layers = similarities.map((similarity) => mergesOf(similarity, experts));
  const threshold = entropyOf(layers) * (1 - tolerance);
  const closed = new Set<LayerMerges>();
  for (let left = (experts - keep) * layers.length; left > 0;) {
    const mergeable = layers.filter(({ count }) => count > least);
    if (mergeable.length === 0) throw new RangeError(`cannot keep ${keep} experts, of which ${least} must stay`);
    if (mergeable.every((layer) => closed.has(layer))) closed.clear();
    const layer = mergeable
      .filter((candidate) => !closed.has(candidate))
      .reduce((best, candidate) => (candidate.redundancy > best.redundancy ? candidate : best));
    const [first, second, value] = layer.pairs[layer.at++]!;
    layer.redundancy -= 2 * value;
    const [to, from] = [layer.cluster[first]!, layer.cluster[second]!];
    if (to !== from) {
      layer.cluster.forEach((own, expert) => {
        if (own === from) layer.cluster[expert] = to;
      });
      layer.count--;
      left--;
    }
    if (entropyOf(layers) < threshold) closed.add(layer);
  }
  return layers.map(({ count }) => count);
};
