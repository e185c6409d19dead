import { z } from 'zod';
import { averageScores } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { eanForms, eanSaliency } from '../saliency.ts';

const options = z.object({
  form: z
    .enum(eanForms)
    .default('sum')
    .describe('Sum of output norms, their mean, or the norm of the mean output (ca).'),
});

/** Expert activation norm. */
export const ean = defineMethod(
  {
    name: 'ean',
    title: 'Expert activation norm',
    summary: 'Keeps the experts whose outputs, before their gate, are largest over the tokens routed to them.',
    kind: 'drop',
    needs: 'routing',
    cost:
      'none beyond the profile; for the form ca every expert runs on every calibration token (E / K times the ' +
      'work of the MoE layers)',
    draws: false,
    formula: 'sum: sum over tokens routed to e of ||f_e(x)||_2; mean: that over n_e; ca: ||mean of f_e(x)||_2',
    source:
      'MC-Suite, Jaiswal et al. 2025, arXiv 2504.05586; the three forms as ean_sum, ean_mean and ean_ca of ' +
      'the CerebrasResearch/reap repository.',
    defaults: 'form sum; the shared expert is not part of f_e',
    pitfalls: [
      'The sum follows usage, the mean does not: rarely chosen experts rank high by the mean on few tokens.',
      'Norms grow with depth: across layers only shares of a layer are compared (global budget).',
      'In ca, outputs that point in all directions cancel out: an expert with many tasks looks small.',
    ],
  },
  options,
  ({ form }) => ({
    kind: 'drop',
    extra: form === 'ca' ? ['routed-outputs'] : [],
    score: (context) => averageScores(context, (statistics, layer) => eanSaliency(statistics, layer, form)),
  }),
);
