import { z } from 'zod';
import {
  mergeOptions,
  type MergeGroup,
  optimiserOption,
  uncurlOptions,
  type UncurlOptions,
} from '../../contract/plan.ts';
import { seededRandom } from '../../statistics/random.ts';
import { rankExperts } from '../budget.ts';
import { expertAffinity } from '../clustering/affinity.ts';
import { fillEmptyClusters, membersOf, squareOf } from '../clustering/cluster-labels.ts';
import { groupExperts, type GroupRequest, type LayerRequest, mostCentral } from '../clustering/group-experts.ts';
import { kernelKMeans } from '../clustering/kernel-k-means.ts';
import { spectralClusters, type SpectralVariant } from '../clustering/spectral-clustering.ts';
import { mergeBehaviour, ruleOptions } from '../merging/merge-method.ts';
import { defineMethod, EVERY_EXPERT } from '../method.ts';
import { everyOutput, layerSquare } from '../weighed-profiles.ts';

interface UncurlGroupsRequest extends LayerRequest {
  readonly affinity: GroupRequest['affinity'];
  readonly reference: UncurlOptions['reference'];
  readonly spectral: SpectralVariant;
}

/** UNCURL's groups of one MoE layer: spectral clusters of the affinity. @throws as `groupExperts`. */
export const uncurlGroups = (request: UncurlGroupsRequest): MergeGroup[] => {
  const { affinity, counts, reference, spectral } = request;
  const experts = counts.length;
  return groupExperts({
    ...request,
    ...(reference === 'medoid' ? { fitness: mostCentral(affinity, experts) } : {}),
    cluster: (free, clusters) => {
      const part = squareOf(affinity, experts, free);
      const labels = fillEmptyClusters(spectralClusters(part, free.length, clusters, spectral), part, clusters);
      return membersOf(free, labels, clusters);
    },
  });
};

/**
 * Groups of a layer that is reduced to its most used experts: each of them leads a group in which only it has weight;
 * the others join the most similar one with weight 0. @throws as `groupExperts`.
 */
export const mostUsedGroups = (request: Omit<UncurlGroupsRequest, 'reference' | 'spectral'>): MergeGroup[] => {
  const { counts, keep, pins } = request;
  const free = rankExperts(counts).filter((expert) => !pins.stay.has(expert) && !pins.go.has(expert));
  const dropped = free.slice(Math.max(0, keep - pins.stay.size));
  return groupExperts({
    ...request,
    pins: { stay: pins.stay, go: new Set([...pins.go, ...dropped]) },
    cluster: (rest) => rest.map((expert) => [expert]),
  });
};

/** UNCURL: merges experts with similar router logits on the task. */
export const uncurl = defineMethod(
  {
    name: 'uncurl',
    title: 'UNCURL',
    summary:
      'Clusters the experts of a layer by their router logits on the task and merges each cluster into one expert.',
    kind: 'merge',
    needs: 'routing',
    cost: 'none beyond the profile; merging aligns each member once, in time of the cube of the expert width',
    draws: [{ option: 'assign', value: 'k-means' }],
    formula:
      'S_ij = (1 + cos(Z_i, Z_j)) / 2 of router-logit columns Z over all tokens, diagonal kept; rows of the leading ' +
      'eigenvectors of D^-1/2 S D^-1/2 over sqrt(degree), k-means; members aligned to the most often chosen one by ' +
      'the permutation of least squared weight distance; W = sum n_e W_e / sum n_e for gate, up and down',
    source:
      'Sarkar et al. 2024, arXiv 2409.01483 (PMLR 262:165-181), algorithm 1. No code is public. The paper refers to ' +
      'Ng, Jordan and Weiss 2001 for the clustering, whose rows of length 1 are embedding unit-rows; division by the ' +
      'root of the degree loses less here and is the default.',
    defaults:
      'affinity cosine with its diagonal, embedding degree, k-means (greedy seeds, single moves) with 20 starts from ' +
      'the seed, reference most-active, align, weights activation: as published except for the embedding. The ' +
      'largest difference: router reference-row, because the paper draws a new random router and trains it, which is ' +
      'router reinitialised with a recovery of the router or fine-tuning',
    pitfalls: [
      'The published method ends in training: first the new router alone, then all weights. Without any ' +
        'training it answers another question than the paper does.',
      "The paper's thresholds compare pruned models with models pretrained with fewer experts and trained " +
        'alike; those of this workbench compare them with the unpruned model. These are two different questions.',
      'diagonal excluded is what scikit-learn does; raw-logit cosines are all similar (0.4 to 0.6), and ' +
        'without self loops their clusters are nearly arbitrary.',
      'Any merge loses what the router decided between the members; reference-row and mean-row also lose the ' +
        'sum of their gates.',
      'mapped-rows and summed-probabilities stay closer to the unpruned model but no stock loader can open the result.',
      'reinitialised rows route tokens at random: a sweep accepts them only with a recovery of the router, and ' +
        'an export of them is useful only for fine-tuning.',
      'The paper finds no clusters in the first MoE layer: first-layer frequency drops experts there instead.',
      'k-means depends on its seed, and how much on its optimiser, which the paper does not name. A factor is safe ' +
        'over draws only where it is safe in every one.',
      'optimiser lloyd, that of runs of earlier versions, ends 1 to 29 % above the least inertia known, single moves ' +
        '0 to 1.8 % (means of 18 cases, 20 starts; tests/bench/inertia.ts). On uncurl-32, sums at factor 2, five ' +
        'draws of lloyd are right in 77 to 99 %, those of single moves in 99 % each; at factor 4 lower inertia ' +
        'need not be less loss.',
      'More starts make Lloyd\u2019s steps more stable, not reliably better. On ten cases (uncurl-16 on sums, ' +
        'German words and plurals at factors 2 and 4, uncurl-32 and -64 on sums and German words at 2, chosen; ' +
        'tests/bench/clusterings.ts) draws of a case differ by a standard deviation of 2.9 points with 20 starts, ' +
        '1.5 with 200 and 1.0 with 2000, where all draws agree in the six cases of E = 16 and in none of the others. ' +
        'Against 20 starts, 200 lose 1.4 points less (95 % interval over cases 0.2 to 3.0), 2000 as much ' +
        '(1.6 less to 1.8 more). Least inertia is a weak guide: its rank correlation with the loss of draws with 20 ' +
        'starts is 0.19 (0.02 to 0.38).',
      'assign cluster-qr is deterministic, so one measurement is enough. On the same cases it loses 3.6 points less ' +
        'than the mean of the published draws (10.2 less to 1.2 more): which is better is undecided. unit-rows with ' +
        'k-means loses 4.5 more (1.7 to 7.2). Signs of eigenvectors do not matter: k-means uses only inner products ' +
        'of rows.',
      'An expert that no token chose is clustered too, with weight 0; a cluster of only such experts ' +
        'is averaged evenly.',
      'Pins: an expert that must stay is not merged with any other; one that must go joins a cluster with weight 0.',
      'Published alignments cast their costs to float16, which causes ties and overflows above 65504; here ' +
        'they stay in float64.',
    ],
  },
  z.object({ ...uncurlOptions.shape, ...ruleOptions }),
  ({ affinity, reference, diagonal, embedding, assign, optimiser, starts, 'first-layer': firstLayer, ...given }) =>
    mergeBehaviour(given, {
      groups: (profile, context) => {
        const spectral: SpectralVariant = {
          diagonal,
          embedding,
          assign,
          optimiser,
          starts,
          // Read only where clusters are drawn: planForModel refuses it elsewhere.
          get seed() {
            return context.seed;
          },
        };
        return (layerRequest) => {
          const request = { ...layerRequest, affinity: expertAffinity(affinity, profile, layerRequest.layer) };
          if (request.layer === 0 && firstLayer === 'frequency') return mostUsedGroups(request);
          return uncurlGroups({ ...request, reference, spectral });
        };
      },
    }),
);

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
    cost: `${EVERY_EXPERT} and E x E cosines per token`,
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
      'Stock loaders open no mapped-rows export; choose reference-row or mean-row to export, and align true with it.',
    ],
  },
  z.object({
    optimiser: optimiserOption,
    ...mergeOptions({ router: 'mapped-rows', align: false }),
    ...ruleOptions,
  }),
  ({ optimiser, ...given }) =>
    mergeBehaviour(given, {
      extra: ['every-output'],
      groups: (profile, { seed }) => {
        const { experts } = profile;
        const { cosineSum } = everyOutput(profile);
        const random = seededRandom(seed);
        return (request) => {
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
        };
      },
    }),
);
