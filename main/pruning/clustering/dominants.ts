/**
 * Groups around dominant experts: every other node joins the dominant one that is most similar to it, ties to the
 * dominant named first. `similarity` is [n, n], larger is nearer. One list per dominant, in their order; a group may
 * contain only its dominant. Source: M-SMoE, Li et al. 2024, arXiv 2310.01334.
 */
export const groupByDominants = (
  similarity: Float64Array,
  n: number,
  nodes: readonly number[],
  dominants: readonly number[],
): number[][] => {
  const groups = dominants.map((dominant) => [dominant]);
  for (const node of nodes) {
    if (dominants.includes(node)) continue;
    let nearest = 0;
    dominants.forEach((dominant, at) => {
      if (similarity[node * n + dominant]! > similarity[node * n + dominants[nearest]!]!) nearest = at;
    });
    groups[nearest]!.push(node);
  }
  return groups;
};

/**
 * REAM's grouping: centroids in the given order (decreasing saliency) each take the nearest free nodes, up to
 * `capacity` members with the centroid, until none is left; most groups then stay single ("pseudo-pruning").
 * `distances` is [n, n]; ties go to the lower node. One list per centroid, in their order. Where the capacity is too
 * small for all nodes, it is raised until it suffices. Source: REAM, arXiv 2604.04356; pseudo_group of the
 * SamsungSAILMontreal/ream repository.
 */
export const pseudoGroups = (
  distances: Float64Array,
  n: number,
  nodes: readonly number[],
  centroids: readonly number[],
  capacity: number,
): number[][] => {
  const size = Math.max(capacity, Math.ceil(nodes.length / centroids.length));
  const free = new Set(nodes.filter((node) => !centroids.includes(node)));
  return centroids.map((centroid) => {
    const nearest = [...free].sort((a, b) => distances[centroid * n + a]! - distances[centroid * n + b]! || a - b);
    const taken = nearest.slice(0, size - 1);
    for (const node of taken) free.delete(node);
    return [centroid, ...taken];
  });
};
