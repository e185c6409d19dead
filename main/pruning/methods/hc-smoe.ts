import { z } from 'zod';
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
import { averageScores, combineStatistics, layerRow, everyOutput } from '../weighed-profiles.ts';
import { distanceNames, pairwiseDistances } from '../clustering/distances.ts';
import { groupExperts, groupLayers, nearestToMean } from '../clustering/group-experts.ts';
import { membersOf, squareOf } from '../clustering/cluster-labels.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod, type PlanContext } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';

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

const options = z.object({
  linkage: z.enum(linkageNames).default('average').describe('Distance of groups: average, single, complete or ward.'),
  distance: z.enum(distanceNames).default('euclidean').describe('Distance of two mean outputs.'),
  penalty: z
    .enum(['none', 'static', 'dynamic'])
    .default('none')
    .describe(
      'Keep frequent experts apart: multiply distances by the sum of their frequencies, once (static) or again at ' +
        'every merge (dynamic: then the linkage is ignored).',
    ),
  temperature: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Softmax temperature of the penalty; null: plain shares.'),
  capacity: z
    .number()
    .int()
    .min(2)
    .nullable()
    .default(null)
    .describe('Largest group; null: no limit. With a limit groups join by the plain mean of distances.'),
  together: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Global budget: how many neighbouring layers share their merges; null: all.'),
  ...mergeOptions({ router: 'mapped-rows', align: false }),
});
type Options = z.output<typeof options>;

/** Mean output of every expert of a layer over all tokens, [E, H]. */
const meanOutputs = (context: PlanContext): ((layer: number) => Float64Array) => {
  const { experts } = context;
  const profile = combineStatistics(context);
  const { sum } = everyOutput(profile);
  const hidden = profile.outputs?.hidden ?? 0;
  return (layer) => layerRow(sum, layer, experts * hidden).map((value) => value / profile.tokens);
};

const clustersOf = (distances: Float64Array, counts: Float64Array, keep: number, given: Options): Int32Array => {
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
    cost:
      'every expert on every calibration token (E / K times the cost of the MoE layers) and E x H numbers per ' +
      'layer',
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
      'Stock loaders open no mapped-rows export; choose reference-row or mean-row to export, and ' +
        'align true with it.',
    ],
  },
  options,
  (given) => ({
    kind: 'merge',
    extra: ['every-output'],
    score: (context) => averageScores(context, frequencySaliency),
    globalCounts: (context, least) => {
      const means = meanOutputs(context);
      const merges = Array.from({ length: context.layers }, (_, layer) =>
        linkage(pairwiseDistances(given.distance, means(layer), context.experts), context.experts, given.linkage),
      );
      return cheapestMergeCounts(merges, context.experts, context.keep, least, given.together ?? context.layers);
    },
    group: (context, keptPerLayer) => {
      const { experts } = context;
      const means = meanOutputs(context);
      return groupLayers(context, combineStatistics(context), keptPerLayer, given.weights, (request) => {
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
      });
    },
    router: given.router,
    align: given.align,
    ...ruleOf(given),
  }),
);
