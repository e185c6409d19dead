import { z } from 'zod';
import { mergeOptions, option } from '../../contract/plan.ts';
import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { expertAffinity } from '../clustering/affinity.ts';
import { membersOf, squareOf } from '../clustering/cluster-labels.ts';
import { distanceNames, pairwiseDistances } from '../clustering/distances.ts';
import { groupExperts, nearestToMean } from '../clustering/group-experts.ts';
import {
  type Merge,
  cutLinkage,
  linkage,
  linkageNames,
  cappedClusters,
  frequencyPenalty,
  penalisedClusters,
  penaliseDistances,
} from '../clustering/linkage.ts';
import { mergeBehaviour, ruleOptions } from '../merging/merge-method.ts';
import { defineMethod, EVERY_EXPERT } from '../method.ts';
import { everyOutput, layerRow, layerSquare } from '../weighed-profiles.ts';

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

const hcSmoeOptions = z.object({
  linkage: option(z.enum(linkageNames).default('average'), 'Distance of groups: average, single, complete or ward.'),
  distance: option(z.enum(distanceNames).default('euclidean'), 'Distance of two mean outputs.'),
  penalty: option(
    z.enum(['none', 'static', 'dynamic']).default('none'),
    'Keep frequent experts apart: multiply distances by the sum of their frequencies, once (static) or again at ' +
      'every merge (dynamic: then the linkage is ignored).',
  ),
  temperature: option(
    z.number().positive().nullable().default(null),
    'Softmax temperature of the penalty; null: plain shares.',
  ),
  capacity: option(
    z.number().int().min(2).nullable().default(null),
    'Largest group; null: no limit. With a limit groups join by the plain mean of distances.',
  ),
  together: option(
    z.number().int().min(1).nullable().default(null),
    'Global budget: how many neighbouring layers share their merges; null: all.',
  ),
  ...mergeOptions({ router: 'mapped-rows', align: false }),
  ...ruleOptions,
});
type HcSmoeOptions = z.output<typeof hcSmoeOptions>;

/** Mean output of every expert of a layer over all tokens, [E, H]. */
const meanOutputs = (profile: RoutingStatistics): ((layer: number) => Float64Array) => {
  const { sum } = everyOutput(profile);
  const hidden = profile.outputs?.hidden ?? 0;
  return (layer) => layerRow(sum, layer, profile.experts * hidden).map((value) => value / profile.tokens);
};

const clustersOf = (distances: Float64Array, counts: Float64Array, keep: number, given: HcSmoeOptions): Int32Array => {
  const n = counts.length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const probabilities = counts.map((count) => (total > 0 ? count / total : 1 / n));
  if (given.penalty === 'dynamic') return penalisedClusters(distances, probabilities, keep, given.temperature);
  const weighed =
    given.penalty === 'static'
      ? penaliseDistances(distances, frequencyPenalty(probabilities, given.temperature))
      : distances;
  if (given.capacity !== null) return cappedClusters(weighed, n, keep, given.capacity);
  return cutLinkage(linkage(weighed, n, given.linkage), n, keep);
};

/** HC-SMoE: hierarchical clustering of the experts' mean outputs. */
export const hcSmoe = defineMethod(
  {
    name: 'hc-smoe',
    title: 'HC-SMoE',
    summary:
      'Clusters the experts of a layer by their mean outputs on the task, nearest first, and merges each cluster.',
    kind: 'merge',
    needs: 'routing',
    cost: `${EVERY_EXPERT} and E x H numbers per layer`,
    draws: false,
    formula:
      'o_e = mean over all tokens of f_e(x), routed there or not; agglomerative clustering of o by Euclidean ' +
      'distance; W = sum f_e W_e / sum f_e, f the usage',
    source:
      'Chen et al. 2025 (ICML), arXiv 2410.08589; wazenmai/HC-SMoE. Penalties, capacities and other ' +
      'distances are those of the CerebrasResearch/reap repository. Checked against the published code, the ' +
      'abstract, and summaries of the paper (mean outputs, average linkage, averages weighted by frequency); ' +
      'its methods section was not available.',
    defaults:
      'average linkage, Euclidean distance, no alignment, reference = the member nearest to the mean of its ' +
      'cluster (it matters for alignment and one-row routers), router mapped-rows as in the paper',
    pitfalls: [
      'The published run.sh misspells the clustering (hirarchical) and so runs k-means with a random first ' +
        'centre. Here the clustering is the one of the paper.',
      'In the published code complete linkage joins the farthest pair and ward uses distances that are not ' +
        'squared: only average and single match their names. Here all four follow the textbook.',
      'It counts the top 2 for usage whatever the top-k is.',
      'Means over all tokens say little about experts that only few tokens need: two specialists can look alike.',
      'Stock loaders open no mapped-rows export; choose reference-row or mean-row to export, and align true with it.',
    ],
  },
  hcSmoeOptions,
  (given) =>
    mergeBehaviour(given, {
      extra: ['every-output'],
      globalCounts: (profile, { layers, experts, keep }, least) => {
        const means = meanOutputs(profile);
        const merges = Array.from({ length: layers }, (_, layer) =>
          linkage(pairwiseDistances(given.distance, means(layer), experts), experts, given.linkage),
        );
        return cheapestMergeCounts(merges, experts, keep, least, given.together ?? layers);
      },
      groups: (profile) => {
        const { experts } = profile;
        const means = meanOutputs(profile);
        return (request) => {
          const features = means(request.layer);
          const distances = pairwiseDistances(given.distance, features, experts);
          return groupExperts({
            ...request,
            affinity: distances.map((distance) => -distance),
            fitness: nearestToMean(features, features.length / experts),
            cluster: (free, clusters) =>
              membersOf(
                free,
                clustersOf(
                  squareOf(distances, experts, free),
                  Float64Array.from(free, (expert) => request.counts[expert]!),
                  clusters,
                  given,
                ),
                clusters,
              ),
          });
        };
      },
    }),
);

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
      layer.cluster.forEach((cluster, expert) => {
        if (cluster === from) layer.cluster[expert] = to;
      });
      layer.count--;
      left--;
    }
    if (entropyOf(layers) < threshold) closed.add(layer);
  }
  return layers.map(({ count }) => count);
};

/** Similarity of every pair of experts of each layer, [L][E, E], from 0 to 1. */
const similaritiesOf = (profile: RoutingStatistics, similarity: 'outputs' | 'logits'): Float64Array[] =>
  Array.from({ length: profile.layers }, (_, layer) => {
    if (similarity === 'logits') return expertAffinity('cosine', profile, layer);
    return layerSquare(everyOutput(profile).cosineSum, layer, profile.experts).map((sum) =>
      Math.max(0, (1 + sum / profile.tokens) / 2),
    );
  });

/** GRAPE: the most similar experts of the most redundant layer merge, one pair after the other. */
export const grape = defineMethod(
  {
    name: 'grape',
    title: 'GRAPE',
    summary:
      'Merges the most similar pairs of experts, and with the global budget first in the layers whose experts ' +
      'are most alike.',
    kind: 'merge',
    needs: 'routing',
    cost:
      'none; with similarity outputs every expert on every calibration token (E / K times the cost of the MoE ' +
      'layers) and E x E cosines per token',
    draws: false,
    formula:
      'D_ij = (1 + cosine of the router logits of i and j) / 2 over tokens; R_l = sum over i != j of D_ij; global ' +
      'budget: take the open layer of largest R, merge its most similar pair, R -= 2 D_ij; a layer closes where the ' +
      'entropy of p_l = clusters of l / all clusters falls below (1 - tolerance) of its first value, and all open ' +
      'again when all are closed; W = sum f_e W_e / sum f_e, f the usage',
    source:
      'Zhang et al. 2026, arXiv 2604.06542, section 3.3 and algorithm 1, read in full; no code is public. The ' +
      'paper leaves open which similarity is taken (CKA, squared error or others), the tolerance, how the weights ' +
      'of a cluster become one, and the router.',
    defaults:
      'similarity of router logits; tolerance 0.1; router mapped-rows, average weighted by usage, no alignment: ' +
      'these are ours',
    pitfalls: [
      'Its own budget is global: choose --budget global. With the uniform budget the same pairs merge, equally ' +
        'many in every layer, which is the local variant.',
      'Merging pair by pair is single linkage: one large cluster can swallow a layer.',
      'With similarity outputs much used experts merge with rare ones: on bundled models it dropped 35 to 69 % of ' +
        'the routed choices where similarity logits dropped 0 to 9 %.',
      'A layer never falls below the top-k, a limit that the paper does not state.',
      'The paper saw a model collapse where one layer was far more redundant than the others.',
      'Stock loaders open neither a mapped-rows export nor layers with different numbers of experts; for an export ' +
        'choose reference-row or mean-row, and the uniform budget.',
    ],
  },
  z.object({
    similarity: option(
      z.enum(['logits', 'outputs']).default('logits'),
      'Similarity of two experts: (1 + cosine) / 2 of their router logits, or of their outputs token by token.',
    ),
    tolerance: option(
      z.number().min(0).max(1).default(0.1),
      'Global budget: fraction of the entropy of the layers\u2019 shares that may be lost before a layer rests; ' +
        '0 keeps the layers as even as possible.',
    ),
    ...mergeOptions({ router: 'mapped-rows', align: false }),
    ...ruleOptions,
  }),
  ({ similarity, tolerance, ...given }) =>
    mergeBehaviour(given, {
      extra: similarity === 'outputs' ? ['every-output'] : [],
      globalCounts: (profile, { experts, keep }, least) =>
        redundancyCounts(similaritiesOf(profile, similarity), experts, keep, least, tolerance),
      groups: (profile) => {
        const { experts } = profile;
        const similarities = similaritiesOf(profile, similarity);
        return (request) => {
          const affinity = similarities[request.layer]!;
          const distances = affinity.map((likeness) => 1 - likeness);
          return groupExperts({
            ...request,
            affinity,
            cluster: (free, clusters) => {
              const merged = linkage(squareOf(distances, experts, free), free.length, 'single');
              return membersOf(free, cutLinkage(merged, free.length, clusters), clusters);
            },
          });
        };
      },
    }),
);
