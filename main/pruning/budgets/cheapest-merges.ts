import type { Merge } from '../clustering/linkage.ts';

/**
 * Groups per layer when the cheapest merges over all layers are made: (experts - keep) * L merges in all, always the
 * one of least height among the next merges of the layers (ties: the lower layer), none below `least` groups. With
 * `together`, only that many neighbouring layers share their merges. Source: multi-layer hierarchical clustering of the
 * CerebrasResearch/reap repository.
 */
export const cheapestMergeCounts = (
  merges: readonly (readonly Merge[])[],
  experts: number,
  keep: number,
  least: number,
  together = merges.length,
): number[] => {
  const done = merges.map(() => 0);
  for (let start = 0; start < merges.length; start += together) {
    const layers = [...merges.keys()].slice(start, start + together);
    for (let merge = 0; merge < (experts - keep) * layers.length; merge++) {
      const open = layers.filter((layer) => experts - done[layer]! > least);
      const cheapest = open.reduce((best, layer) =>
        merges[layer]![done[layer]!]!.height < merges[best]![done[best]!]!.height ? layer : best,
      );
      done[cheapest]! += 1;
    }
  }
  return done.map((count) => experts - count);
};
