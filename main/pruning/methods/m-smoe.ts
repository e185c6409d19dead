import { z } from 'zod';
import { at } from '../../contract/errors.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { averageScores, combineStatistics, layerRow } from '../weighed-profiles.ts';
import { groupsAroundMostUsed } from '../clustering/group-experts.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod, type PlanContext } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';

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

const options = z.object({
  ties: z
    .enum(['lower-index', 'lost'])
    .default('lower-index')
    .describe(
      'Under the global budget: experts of equal usage at the threshold lead a group by their index, or none ' +
        'of them does (as published: fewer groups than requested).',
    ),
  ...mergeOptions({ router: 'mapped-rows', align: true }),
});

/**
 * Groups per layer by the published rule, from the counts themselves: shares divided twice may make equal ones differ.
 */
const lostTies = (context: PlanContext, least: number): number[] => {
  const { counts, experts, layers } = combineStatistics(context);
  const usage = Array.from({ length: layers }, (_, layer) => layerRow(counts, layer, experts));
  return usageThresholdCounts(usage, context.keep).map((count) => Math.max(least, count));
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
  options,
  ({ ties, align, weights, router, ...rule }) => ({
    kind: 'merge',
    extra: [],
    score: (context) => averageScores(context, frequencySaliency),
    ...(ties === 'lost' ? { globalCounts: lostTies } : {}),
    group: (context, keptPerLayer) => groupsAroundMostUsed(context, keptPerLayer, 'cosine', weights),
    router,
    align,
    ...ruleOf(rule),
  }),
);
