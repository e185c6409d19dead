import { z } from 'zod';
import { averageScores } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { gateMassSaliency, gateMassVariants } from '../saliency.ts';

const options = z.object({
  variant: z
    .enum(gateMassVariants)
    .default('probability-all')
    .describe(
      'Which probabilities are summed: over all tokens, over the routed ones, renormalised over the chosen, ' +
        'the combine weight of the model, or plain counts.',
    ),
});

/** Soft counts of experts. */
export const gateMass = defineMethod(
  {
    name: 'gate-mass',
    title: 'Gate mass',
    summary: 'Keeps the experts that gather the most router probability on the task: a soft count.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile',
    draws: false,
    formula:
      'probability-all: sum over all tokens of p_e; probability-routed: over tokens routed to e only; ' +
      'renormalised: of ' +
      'p_e / (sum of p over the chosen); combine-weight: of the weight that the model uses; count: of 1; p = ' +
      'softmax over all E logits',
    source:
      'SEER-MoE, Muzio et al. 2024, arXiv 2404.05089 (no official code; which tokens it sums over is not certain). ' +
      'probability-all is the routing score of HC-SMoE (S-prune), probability-routed a statistic of the REAP ' +
      'repository.',
    defaults: 'variant probability-all',
    pitfalls: [
      'The variants rank experts differently: name the one that you report.',
      'The REAP command line offers weighted_frequency_sum, but its statistic has another name: the ' +
        'documented value ends in an error there.',
      'For sigmoid routers p is still the softmax of the logits; combine-weight follows the model.',
    ],
  },
  options,
  ({ variant }) => ({
    kind: 'drop',
    extra: [],
    score: (context) => averageScores(context, (statistics, layer) => gateMassSaliency(statistics, layer, variant)),
  }),
);
