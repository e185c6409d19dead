import { z } from 'zod';
import { optimiserOption } from '../../contract/plan.ts';
import { seededRandom } from '../../statistics/random.ts';
import { averageScores, combineStatistics, layerSquare, everyOutput } from '../weighed-profiles.ts';
import { membersOf, squareOf } from '../clustering/cluster-labels.ts';
import { groupExperts, groupLayers } from '../clustering/group-experts.ts';
import { kernelKMeans } from '../clustering/kernel-k-means.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';

const options = z.object({ optimiser: optimiserOption, ...mergeOptions({ router: 'mapped-rows', align: false }) });

/** Sub-MoE: k-means of output directions, and a merge that is the weighted average unless it is truncated. */
export const subMoe = defineMethod(
  {
    name: 'sub-moe',
    title: 'Sub-MoE',
    summary:
      'Clusters experts whose outputs point the same way, token by token, and merges each cluster in the ' +
      'subspace its members share.',
    kind: 'merge',
    needs: 'routing',
    cost:
      'every expert on every calibration token (E / K times the cost of the MoE layers) and E x E cosines per ' +
      'token',
    draws: true,
    formula:
      'sim(i, j) = mean over tokens of cos(f_i(x), f_j(x)); k-means of the collections of unit outputs; merge: ' +
      '[W_1; ..; W_n] = U S [V_1; ..; V_n]^T, V = sum f_i V_i / sum f_i, W = U S V^T',
    source:
      'Sub-MoE, arXiv 2506.23266. Since U S V_i^T = W_i, the merge without truncation is exactly the usage-weighted ' +
      'average of the members, and is computed as such (rule average). rule subspace truncates it to its leading ' +
      'directions. Checked against the paper\u2019s abstract and introduction (k-means of cosines of outputs, shared ' +
      'U, V averaged by frequency) and the port in the CerebrasResearch/reap repository; its methods section was not ' +
      'available.',
    defaults:
      'rule average (no truncation), no alignment, router mapped-rows, 8 restarts of k-means (greedy seeds, ' +
      'single moves) from the seed; the paper shares its budget between pairs of layers by k-means cost, ' +
      'which is not done here',
    pitfalls: [
      'Without truncation nothing is gained over averaging: only the choice of merged experts differs.',
      'The version in the REAP repository splits the right singular vectors in the wrong order and returns ' +
        'weights that belong to no member. It is not reproduced.',
      "The same repository's cost tables use the total cost of m merges where the increment is meant, and an " +
        'unseeded k-means.',
      'k-means depends on its seed: compare several.',
      'Stock loaders open no mapped-rows export; choose reference-row or mean-row to export, and ' +
        'align true with it.',
    ],
  },
  options,
  ({ align, weights, router, optimiser, ...rule }) => ({
    kind: 'merge',
    extra: ['every-output'],
    score: (context) => averageScores(context, frequencySaliency),
    group: (context, keptPerLayer) => {
      const { experts, seed } = context;
      const profile = combineStatistics(context);
      const { cosineSum } = everyOutput(profile);
      const random = seededRandom(seed);
      return groupLayers(context, profile, keptPerLayer, weights, (request) => {
        const likeness = layerSquare(cosineSum, request.layer, experts).map((sum) => sum / profile.tokens);
        return groupExperts({
          ...request,
          affinity: likeness,
          cluster: (free, clusters) =>
            membersOf(
              free,
              kernelKMeans(squareOf(likeness, experts, free), free.length, clusters, random, { optimiser }),
              clusters,
            ),
        });
      });
    },
    router,
    align,
    ...ruleOf(rule),
  }),
);
