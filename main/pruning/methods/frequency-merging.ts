import { z } from 'zod';
import { affinityName } from '../../contract/plan.ts';
import { averageScores } from '../weighed-profiles.ts';
import { groupsAroundMostUsed } from '../clustering/group-experts.ts';
import { mergeOptions, ruleOf } from '../merging/merge-options.ts';
import { defineMethod } from '../method.ts';
import { frequencySaliency } from '../saliency.ts';

const options = z.object({
  affinity: affinityName.default('cosine').describe('Similarity by which the other experts choose a leader.'),
  ...mergeOptions({ router: 'reference-row', align: true }),
});

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
      'leaders = the most used experts of the layer; group(e) = leader d with the largest (cos(Z_e, Z_d) + ' +
      '1) / 2, Z the columns of ' +
      'the router logits over all tokens; members aligned to the leader; W = sum n_e W_e / sum n_e',
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
  options,
  ({ affinity, align, weights, router, ...rule }) => ({
    kind: 'merge',
    extra: [],
    score: (context) => averageScores(context, frequencySaliency),
    group: (context, keptPerLayer) => groupsAroundMostUsed(context, keptPerLayer, affinity, weights),
    router,
    align,
    ...ruleOf(rule),
  }),
);
