import { z } from 'zod';
import { layerSquare, averageScores, type Saliency, combineStatistics, everyOutput } from '../weighed-profiles.ts';
import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { minOf } from '../../statistics/extremes.ts';
import { groupByDominants, pseudoGroups, groupExperts, groupLayers } from '../clustering/group-experts.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod } from '../method.ts';
import { rankExperts } from '../budget.ts';
import { reapSaliency } from '../saliency.ts';

/**
 * REAM's distance of every pair of experts of one layer, [E, E]: 1 minus the mean over tokens of (cos + 1) / 2 of their
 * outputs; with `useGate`, of the mean of that and 1 - d / max d, d the distance of the router-logit columns normalised
 * to length 1. Zero diagonal. `cosineSum` is the profile's, [L, E, E]. Source: REAM, arXiv 2604.04356;
 * SamsungSAILMontreal/ream.
 */
const reamDistances = (
  { experts, tokens, logitGram }: RoutingStatistics,
  cosineSum: Float64Array,
  layer: number,
  useGate: boolean,
): Float64Array => {
  const outputLikeness = layerSquare(cosineSum, layer, experts).map((sum) => (sum / tokens + 1) / 2);
  const gateLikeness = useGate ? likenessOfColumns(layerSquare(logitGram, layer, experts), experts) : outputLikeness;
  return outputLikeness.map((likeness, at) => (at % (experts + 1) === 0 ? 0 : 1 - (likeness + gateLikeness[at]!) / 2));
};

/** 1 - d / max d of columns given by their inner products, each normalised to length 1. */
const likenessOfColumns = (gram: Float64Array, n: number): Float64Array => {
  const distances = gram.map((product, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    const scale = Math.sqrt(gram[i * n + i]!) * Math.sqrt(gram[j * n + j]!);
    return i === j ? 0 : Math.sqrt(Math.max(0, 2 - 2 * (scale > 0 ? product / scale : 0)));
  });
  const farthest = distances.reduce((most, distance) => Math.max(most, distance), 0);
  return distances.map((distance) => (farthest > 0 ? 1 - distance / farthest : 1));
};

/** Saliency of an expert that no token chose: the smallest of the others, or this where that is larger. */
const UNSEEN = 0.5;

const options = z.object({
  groupSize: z
    .number()
    .int()
    .min(0)
    .default(16)
    .describe('Largest group (C in the paper); 0: every expert joins its nearest centroid.'),
  useGate: z.boolean().default(true).describe('Weight the similarity of router logits as much as that of outputs.'),
  gate: z.enum(['own', 'probability', 'renormalised']).default('own').describe('Gate of the saliency, as in REAP.'),
  ...mergeOptions({ router: 'reference-row', align: true }),
});

/** REAM: the most salient experts absorb the least salient, most stay unchanged. */
export const ream = defineMethod(
  {
    name: 'ream',
    title: 'REAM',
    summary:
      'The most salient experts are centroids; the first of them absorb the nearest of the others, so that ' +
      'most stay unchanged.',
    kind: 'merge',
    needs: 'routing',
    cost:
      'every expert on every calibration token (E / K times the cost of the MoE layers) and E x E cosines per ' +
      'token',
    draws: false,
    formula:
      'centroids = the experts of largest REAP saliency; by decreasing saliency each takes its C - 1 nearest ' +
      'free experts; distance = ' +
      '1 - ((mean over tokens of (cos(f_i, f_j) + 1) / 2) + (1 - d_ij / max d)) / 2, d of unit router-logit ' +
      'columns; weights by saliency',
    source:
      'arXiv 2604.04356; SamsungSAILMontreal/ream. Checked against the published code, the abstract and ' +
      'introduction of the paper, and summaries of its steps; its methods section was not available.',
    defaults:
      'groups of at most 16, gate used, centroids keep their router rows and the others are dropped (so it ' +
      'exports), alignment by weights',
    pitfalls: [
      'The paper aligns neurons by hidden activations and by weights reduced to 64 principal components; ' +
        'here by least squared weight distance. The function of each member is the same; which neurons are averaged ' +
        'may differ.',
      'The paper goes layer by layer and measures each layer on the output of the merged layers before it; here ' +
        'all layers see the unpruned model.',
      'The published saliency never renormalises the gate and averages means of batches without their ' +
        'counts; gate probability is the former, the latter is not reproduced.',
      'Its calibration mixes c4, math and code: on a single task the saliencies, and with them the groups, differ.',
    ],
  },
  options,
  ({ groupSize, useGate, gate, align, weights, router, ...rule }) => {
    const saliency: Saliency = (statistics, layer) => withUnseen(reapSaliency(statistics, layer, gate));
    return {
      kind: 'merge',
      extra: ['every-output'],
      score: (context) => averageScores(context, saliency),
      group: (context, keptPerLayer) => {
        const { experts } = context;
        const profile = combineStatistics(context);
        const { cosineSum } = everyOutput(profile);
        const scores = averageScores(context, saliency);
        return groupLayers(context, profile, keptPerLayer, weights, (request) => {
          const distances = reamDistances(profile, cosineSum, request.layer, useGate);
          const affinity = distances.map((distance) => -distance);
          const counts = scores[request.layer]!;
          const ranked = rankExperts(counts);
          return groupExperts({
            ...request,
            affinity,
            counts,
            cluster: (free, clusters) => {
              const centroids = ranked.filter((expert) => free.includes(expert)).slice(0, clusters);
              return groupSize === 0
                ? groupByDominants(affinity, experts, free, centroids)
                : pseudoGroups(distances, experts, free, centroids, groupSize);
            },
          });
        });
      },
      router,
      align,
      ...ruleOf(rule),
    };
  },
);

/**
 * Saliencies in which an expert that no token chose has min(0.5, the smallest positive one): a small but non-zero
 * weight.
 */
const withUnseen = (scores: Float64Array): Float64Array => {
  const positive = scores.filter((score) => score > 0);
  const stand = positive.length === 0 ? UNSEEN : minOf([UNSEEN, ...positive]);
  return scores.map((score) => (score > 0 ? score : stand));
};
