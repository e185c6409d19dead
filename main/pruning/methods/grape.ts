import { z } from 'zod';
import { averageScores, combineStatistics, layerSquare, everyOutput } from '../weighed-profiles.ts';
import { expertAffinity } from '../clustering/affinity.ts';
import { membersOf, squareOf } from '../clustering/cluster-labels.ts';
import { groupExperts, groupLayers } from '../clustering/group-experts.ts';
import { cutLinkage, linkage } from '../clustering/linkage.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod, type PlanContext } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';

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
    return layerSquare(everyOutput(profile).cosineSum, layer, context.experts).map((sum) =>
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
      const similarities = similaritiesOf(context, similarity);
      return groupLayers(context, combineStatistics(context), keptPerLayer, weights, (request) => {
        const affinity = similarities[request.layer]!;
        const distances = affinity.map((likeness) => 1 - likeness);
        return groupExperts({
          ...request,
          affinity,
          cluster: (free, clusters) => {
            const merged = linkage(squareOf(distances, context.experts, free), free.length, 'single');
            return membersOf(free, cutLinkage(merged, free.length, clusters), clusters);
          },
        });
      });
    },
    router,
    align,
    ...ruleOf(rule),
  }),
);
