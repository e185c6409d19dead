import { z } from 'zod';
import { averageScores } from '../average-scores.ts';
import { redundancyCounts } from '../budgets/redundancy.ts';
import { expertAffinity } from '../clustering/affinity.ts';
import { membersOf, squareOf } from '../clustering/cluster-labels.ts';
import { groupExperts } from '../clustering/group-experts.ts';
import { cutLinkage, linkage } from '../clustering/linkage.ts';
import { mostActive } from '../clustering/reference-fitness.ts';
import { combineStatistics } from '../combine-statistics.ts';
import { layerRow, layerSquare } from '../layer-view.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod, type PlanContext } from '../method.ts';
import { pinsByLayer } from '../pins-by-layer.ts';
import { frequencySaliency } from '../saliency/frequency.ts';
import { requireStatistic } from '../saliency/require-statistic.ts';

const options = z.object({
  similarity: z
    .enum(['logits', 'outputs'])
    .default('logits')
    .describe(
      'Similarity of two experts: (1 + cosine) / 2 of their router logits, or of their outputs token by token.',
    ),
  tolerance: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe(
      'Global budget: fraction of the entropy of the layers\u2019 shares that may be lost before a layer rests; ' +
        '0 keeps the layers as even as possible.',
    ),
  ...mergeOptions({ router: 'mapped-rows', align: false }),
});

/** Similarity of every pair of experts of each layer, [L][E, E], from 0 to 1. */
const similaritiesOf = (context: PlanContext, similarity: 'outputs' | 'logits'): Float64Array[] => {
  const profile = combineStatistics(context);
  return Array.from({ length: context.layers }, (_, layer) => {
    if (similarity === 'logits') return expertAffinity('cosine', profile, layer);
    const everywhere = requireStatistic(profile.outputs?.everywhere, 'the outputs of every expert on every token');
    return layerSquare(everywhere.cosineSum, layer, context.experts).map((sum) =>
      Math.max(0, (1 + sum / profile.tokens) / 2),
    );
  });
};

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
  options,
  ({ similarity, tolerance, align, weights, router, ...rule }) => ({
    kind: 'merge',
    extra: similarity === 'outputs' ? ['every-output'] : [],
    score: (context) => averageScores(context, frequencySaliency),
    globalCounts: (context, least) =>
      redundancyCounts(similaritiesOf(context, similarity), context.experts, context.keep, least, tolerance),
    group: (context, keptPerLayer) => {
      const { layers, experts, pins } = context;
      const { counts: all } = combineStatistics(context);
      const pinned = pinsByLayer(pins, layers, experts);
      return similaritiesOf(context, similarity).map((affinity, layer) => {
        const distances = affinity.map((likeness) => 1 - likeness);
        const counts = layerRow(all, layer, experts);
        return groupExperts({
          affinity,
          counts,
          keep: keptPerLayer[layer]!,
          layer,
          pins: pinned[layer]!,
          weights,
          fitness: mostActive(counts),
          cluster: (free, clusters) => {
            const own = linkage(squareOf(distances, experts, free), free.length, 'single');
            return membersOf(free, cutLinkage(own, free.length, clusters), clusters);
          },
        });
      });
    },
    router,
    align,
    ...ruleOf(rule),
  }),
);
