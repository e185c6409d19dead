import { z } from 'zod';
import { gateKinds } from '../../profile/routing-statistics.ts';
import { averageScores } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { unifiedSaliency } from '../saliency.ts';

const exponent = z.union([z.literal(0), z.literal(1), z.literal(2)]);
const options = z.object({
  b: z
    .union([z.literal(0), z.literal(1)])
    .default(0)
    .describe('0: sum over the tokens routed to the expert; 1: mean.'),
  alpha: exponent.default(2).describe('Exponent of the gate: 0, 1 or 2.'),
  beta: exponent.default(2).describe('Exponent of the output norm: 0, 1 or 2.'),
  gate: z
    .enum(gateKinds)
    .default('own')
    .describe(
      "Gate raised to alpha: the model's own, the softmax over all experts, or that renormalised over the chosen.",
    ),
});

/** The family that includes frequency, gate mass, EAN and REAP. */
export const unified = defineMethod(
  {
    name: 'unified',
    title: 'Unified family S(b, alpha, beta)',
    summary:
      'Keeps experts by a product of powers of gate and output norm, summed or averaged: one formula for ' +
      'most criteria.',
    kind: 'drop',
    needs: 'routing',
    cost: 'none beyond the profile, which includes all sums',
    draws: false,
    formula: 'S(b, alpha, beta)(e) = n_e^-b * sum over tokens routed to e of g^alpha * ||f_e(x)||^beta',
    source:
      'arXiv 2606.15716; its code was not available, and that b is the exponent of n_e is inferred from ' +
      'secondary sources.',
    defaults: 'b 0, alpha 2, beta 2 (its choice for a given task, beside (0, 1, 1)), gate own',
    pitfalls: [
      'frequency is (0, 0, 0), EAN (0, 0, 1) or (1, 0, 1), gate mass (0, 1, 0), REAP (1, 1, 1): a sweep of ' +
        'both measures the same twice.',
      'Squares give single tokens great weight: check the interval before trusting a difference.',
      'Which gate the paper means where the model does not renormalise is unclear: state which you used.',
    ],
  },
  options,
  (member) => ({
    kind: 'drop',
    extra: [],
    score: (context) => averageScores(context, (statistics, layer) => unifiedSaliency(statistics, layer, member)),
  }),
);
