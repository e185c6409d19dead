import { z } from 'zod';
import { at } from '../../contract/errors.ts';
import { affinityName, type AffinityName, mergeOptions, option } from '../../contract/plan.ts';
import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { rankExperts } from '../budget.ts';
import { expertAffinity } from '../clustering/affinity.ts';
import {
  groupAroundMostUsed,
  groupByDominants,
  groupExperts,
  type LayerRequest,
  pseudoGroups,
} from '../clustering/group-experts.ts';
import { mergeBehaviour, ruleOptions } from '../merging/merge-method.ts';
import { defineMethod, EVERY_EXPERT, type PlanContext } from '../method.ts';
import { reapSaliency } from '../saliency.ts';
import { averageScores, everyOutput, layerRow, layerSquare, type Saliency } from '../weighed-profiles.ts';

/** Groups of a layer around its most used experts, which the others choose by their router logits. */
const aroundMostUsed = (affinity: AffinityName) => (profile: RoutingStatistics) => (request: LayerRequest) =>
  groupAroundMostUsed(expertAffinity(affinity, profile, request.layer), request);

/** Frequency-based merging: the baseline in the UNCURL paper. */
export const frequencyMerging = defineMethod(
  {
    name: 'frequency-merging',
    title: 'Frequency-based merging',
    summary:
      'The most used experts of every layer lead groups of their own layer, and each of the others merges ' +
      'into the most similar leader.',
    kind: 'merge',
    needs: 'routing',
    cost: 'none beyond the profile; merging aligns each member once',
    draws: false,
    formula:
      'leaders = the most used experts of the layer; group(e) = leader d with the largest (cos(Z_e, Z_d) + 1) / 2, Z ' +
      'the columns of the router logits over all tokens; members aligned to the leader; W = sum n_e W_e / sum n_e',
    source: 'Baseline of UNCURL (Sarkar et al. 2024, arXiv 2409.01483, section 6.4.1). No code is public.',
    defaults:
      'affinity cosine, align, weights activation, router reference-row; in the paper the router is reinitialised ' +
      'and trained',
    pitfalls: [
      'It is M-SMoE with the requested number of groups in every layer, without its global budget and with ' +
        'one router row per group.',
      'Leaders stay separate, however similar they are: UNCURL would merge them.',
      'Where usage is skewed, most of the others join few leaders, and a leader that takes in many rarely ' +
        'used experts changes little.',
    ],
  },
  z.object({
    affinity: affinityName.default('cosine').describe('Similarity by which the other experts choose a leader.'),
    ...mergeOptions({ router: 'reference-row', align: true }),
    ...ruleOptions,
  }),
  ({ affinity, ...given }) => mergeBehaviour(given, { groups: aroundMostUsed(affinity) }),
);

/**
 * Groups per layer by M-SMoE's global rule as published: each layer's usage counts as its share of the layer's sum, and
 * its most used expert as 1; all shares are sorted in decreasing order, and the one at index keep * L (from 0; one less
 * when all are kept) is the threshold; a layer has as many groups as shares above it. Shares equal to the threshold
 * lose, so fewer than keep * L groups may result. Shares are compared as fractions of the given counts, never as
 * quotients: exactly for whole numbers below 2^26, so that equal usage is equal. Source: Li et al. 2024, arXiv
 * 2310.01334; UNITES-Lab/MC-SMoE.
 */
export const usageThresholdCounts = (usage: readonly Float64Array[], keep: number): number[] => {
  const layers = usage.map(raisedShares);
  const experts = at(usage, 0).length;
  const index = keep * usage.length - (keep === experts ? 1 : 0);
  const threshold = layers.flat().sort((a, b) => difference(b, a))[index] ?? { count: 0, of: 1 };
  return layers.map((layer) => layer.filter((share) => difference(share, threshold) > 0).length);
};

/** `count / of`, not divided. */
interface Share {
  readonly count: number;
  readonly of: number;
}

/** Sign of a - b. */
const difference = (a: Share, b: Share): number => a.count * b.of - b.count * a.of;

/** A layer's shares of its sum, with the first largest raised to 1. Without any usage all others are 0. */
const raisedShares = (usage: Float64Array): Share[] => {
  const total = usage.reduce((sum, value) => sum + value, 0);
  const top = usage.indexOf(maxOf(usage));
  return Array.from(usage, (count, expert) =>
    expert === top ? { count: 1, of: 1 } : { count: total > 0 ? count : 0, of: total > 0 ? total : 1 },
  );
};

/**
 * Groups per layer by the published rule, from the counts themselves: shares divided twice may make equal ones differ.
 */
const lostTies = ({ counts, experts, layers }: RoutingStatistics, { keep }: PlanContext, least: number): number[] => {
  const usage = Array.from({ length: layers }, (_, layer) => layerRow(counts, layer, experts));
  return usageThresholdCounts(usage, keep).map((count) => Math.max(least, count));
};

/** M-SMoE: the most used experts absorb the others. */
export const mSmoe = defineMethod(
  {
    name: 'm-smoe',
    title: 'M-SMoE',
    summary:
      'The most used experts of a layer lead groups; every other expert merges into the one whose router ' +
      'logits are most like its own.',
    kind: 'merge',
    needs: 'routing',
    cost: 'none beyond the profile; merging aligns each member once',
    draws: false,
    formula:
      'dominants = the most used; group(e) = dominant d with the largest (cos(Z_e, Z_d) + 1) / 2, Z the columns of ' +
      'the router logits over all tokens; W = sum f_e W_e / sum f_e, f the usage',
    source:
      'Li et al. 2024, arXiv 2310.01334; UNITES-Lab/MC-SMoE. The fine-tuning by distillation and the ' +
      'low-rank compression that follow there (MC-) are not included. Checked against the published code, the ' +
      'abstract (alignment, dominant experts and their members, averages weighted by frequency) and summaries ' +
      '(cosines of router logits); its methods section was not available.',
    defaults:
      'router mapped-rows: all router rows stay and lead to the merged expert, as in the paper; align to the ' +
      'dominant; rule average. Its own budget is global: usage over the whole model, the top expert of each ' +
      'layer always leads.',
    pitfalls: [
      'The paper aligns all experts to expert 0 before it groups them; the published code for Mixtral aligns ' +
        'nothing (align false is that). Here members are aligned to their own dominant.',
      'The published code counts the top 2 of the logits whatever the top-k is.',
      'Its rule for groups per layer is strict: experts with exactly the usage of the threshold all lose ' +
        'their groups. Option ties lost does the same, and fewer experts may stay than requested.',
      'The function for grouping layer by layer indexes dominants by position instead of by rank and ' +
        'overwrites them; capacities of groups are not counted for decoders. Neither is reproduced.',
      "REAP's port takes cosine distances a second time, between rows of a matrix that already contains " +
        'distances, and its saved checkpoint is not smaller: it keeps copies of merged experts.',
      'Stock loaders open no mapped-rows export; choose reference-row or mean-row to export.',
    ],
  },
  z.object({
    ties: option(
      z.enum(['lower-index', 'lost']).default('lower-index'),
      'Under the global budget: experts of equal usage at the threshold lead a group by their index, or none ' +
        'of them does (as published: fewer groups than requested).',
    ),
    ...mergeOptions({ router: 'mapped-rows', align: true }),
    ...ruleOptions,
  }),
  ({ ties, ...given }) =>
    mergeBehaviour(given, {
      ...(ties === 'lost' ? { globalCounts: lostTies } : {}),
      groups: aroundMostUsed('cosine'),
    }),
);

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
    cost: `${EVERY_EXPERT} and E x E cosines per token`,
    draws: false,
    formula:
      'centroids = the experts of largest REAP saliency; by decreasing saliency each takes its C - 1 nearest free ' +
      'experts; distance = 1 - ((mean over tokens of (cos(f_i, f_j) + 1) / 2) + (1 - d_ij / max d)) / 2, d of unit ' +
      'router-logit columns; weights by saliency',
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
  z.object({
    groupSize: option(
      z.number().int().min(0).default(16),
      'Largest group (C in the paper); 0: every expert joins its nearest centroid.',
    ),
    useGate: option(z.boolean().default(true), 'Weight the similarity of router logits as much as that of outputs.'),
    gate: option(z.enum(['own', 'probability', 'renormalised']).default('own'), 'Gate of the saliency, as in REAP.'),
    ...mergeOptions({ router: 'reference-row', align: true }),
    ...ruleOptions,
  }),
  ({ groupSize, useGate, gate, ...given }) => {
    const saliency: Saliency = (statistics, layer) => withUnseen(reapSaliency(statistics, layer, gate));
    return mergeBehaviour(given, {
      extra: ['every-output'],
      saliency,
      groups: (profile, context) => {
        const { experts } = profile;
        const { cosineSum } = everyOutput(profile);
        const scores = averageScores(context, saliency);
        return (request) => {
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
        };
      },
    });
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

/** MergeMoE: merged experts whose down projections are fitted to the outputs of their members. */
export const mergeMoe = defineMethod(
  {
    name: 'merge-moe',
    title: 'MergeMoE',
    summary:
      'Merges each expert into the most used one with similar gate and up projections, and fits the merged down ' +
      'projection to the outputs of the members by least squares.',
    kind: 'merge',
    needs: 'fit',
    cost:
      'a job of its own for every size: every expert on every calibration token (E / K times the cost of the MoE ' +
      'layers), and one I x I system per group; no profile',
    draws: false,
    formula:
      'leaders = the most used experts; group(e) = the leader with the largest cosine of [W_G; W_U]; w_j = f_j / sum ' +
      "f, f the usage; W_G' = sum w_j W_Gj, W_U' = sum w_j W_Uj; P = act(W_G' X) * (W_U' X), Y = sum w_j E_j(X), X all " +
      "calibration tokens; W_D' = Y P^+",
    source:
      'Miao et al. 2025, arXiv 2510.14436, sections 3.2 and 4, read in full; no code is public. There W_D\u2019 = ' +
      '[w_1 W_D1, ..] T_1 with T_1 = Q P^+, Q the members\u2019 inner activations; since [w_1 W_D1, ..] Q = Y, that ' +
      'is Y P^+.',
    defaults:
      'ridge 1e-6 instead of a pseudoinverse, which it tends to; router mapped-rows (the routing weights of the ' +
      'members add up, as published); every layer sees the unpruned model\u2019s tokens; the same number of groups ' +
      'in every layer',
    pitfalls: [
      'With fewer calibration tokens than the width I of an expert the fit is not determined: the paper sees it ' +
        'fail completely below such a number.',
      'The fit weighs all tokens alike, also those that no member of the group would get.',
      'The paper merges only some of the layers, named per model; here every MoE layer is merged.',
      'Budgets, pins and protection do not apply, and a recovery on top is refused, because it would replace the fit.',
      'Stock loaders open no mapped-rows export; choose reference-row or mean-row to export.',
    ],
  },
  z.object({
    ridge: option(
      z.number().positive().max(1).default(1e-6),
      'Ridge of the least squares, as a fraction of the mean squared length of an inner activation.',
    ),
    router: option(
      z.enum(['mapped-rows', 'summed-probabilities', 'reference-row', 'mean-row']).default('mapped-rows'),
      'Router after the merge: all rows kept, each leading to its group (mapped-rows, as published; ' +
        'summed-probabilities), or one row per group, which can be exported.',
    ),
  }),
  (settings) => ({ kind: 'search', search: 'outputs', settings }),
);
