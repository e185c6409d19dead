import { z } from 'zod';
import { gateKinds } from '../../profile/routing-statistics.ts';
import { averageScores } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { reapSaliency } from '../saliency.ts';

const options = z.object({
  gate: z
    .enum(gateKinds)
    .default('own')
    .describe(
      "Gate: the model's own combine weight, the softmax over all experts (probability), or that over its " +
        'sum over the chosen (renormalised).',
    ),
  form: z.enum(['mean', 'sum']).default('mean').describe('Mean over the tokens routed to the expert, or their sum.'),
});

/** Router-weighted expert activation pruning. */
export const reap = defineMethod(
  {
    name: 'reap',
    title: 'REAP',
    summary: 'Keeps the experts whose gated outputs are largest on average over the tokens routed to them.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile, which includes the norms of chosen experts',
    draws: false,
    formula:
      'score(e) = (1 / n_e) * sum over tokens routed to e of g_e(x) * ||f_e(x)||_2; 0 where n_e = 0; the sum ' +
      'form is n_e times that',
    source:
      'Lasby et al. 2025, arXiv 2510.13999; checked against the statistics of the CerebrasResearch/reap repository.',
    defaults:
      'gate own: the combine weight that the model itself uses (renormalised over the top-k only where the ' +
      'model does); form mean',
    pitfalls: [
      'A mean over few tokens is noisy: a rarely chosen expert can rank high by chance.',
      'The published code takes the top-k of the logits and softmax weights for every family, also where ' +
        'routers are sigmoids, limited to groups or corrected by a bias: its numbers differ there from these.',
      'main.py renormalises only where the model does, layerwise_prune.py always: gate renormalised is the latter.',
      "REAM's re-implementation never renormalises and averages means of batches without their counts.",
      'Norms grow with depth: across layers only shares of a layer are compared (global budget).',
      'REAP at factor 2 keeps nearly all of one model and little of another: look at the curve of your model.',
    ],
  },
  options,
  ({ gate, form }) => ({
    kind: 'drop',
    extra: [],
    score: (context) => averageScores(context, (statistics, layer) => reapSaliency(statistics, layer, gate, form)),
  }),
);
