/**
 * Groups around dominant experts: every other node joins the dominant one that is most similar to it, ties to the
 * dominant named first. `similarity` is [n, n], larger is nearer. One list per dominant, in their order; a group may
 * hold its dominant alone.
 * Source: M-SMoE, Li et al. 2024, arXiv 2310.01334.
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
