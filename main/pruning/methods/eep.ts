import { z } from 'zod';
import { defineMethod } from '../method.ts';

const options = z.object({
  stage: z
    .enum(['prune', 'merge'])
    .default('prune')
    .describe(
      'Search only which experts stay (the result exports), or continue with real-valued matrices for weights ' +
        'and router (it does not).',
    ),
  evaluations: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(400)
    .describe('Candidates to measure on the calibration items: the budget of the search.'),
  initial: z.number().int().min(1).default(30).describe('Number of random patterns at the start.'),
  switchAfter: z
    .number()
    .int()
    .min(1)
    .default(100)
    .describe('Measured candidates after which matrices are tried (stage merge).'),
});

/** Efficient expert pruning by evolution. */
export const eep = defineMethod(
  {
    name: 'eep',
    title: 'EEP',
    summary:
      'Searches by evolution for the experts to keep, or for matrices that blend all into few, by accuracy ' +
      'on the labelled calibration items.',
    kind: 'merge',
    needs: 'search',
    cost: 'a job of its own: `evaluations` passes over the calibration items, each with another candidate; no profile',
    draws: true,
    formula:
      'expert r = sum_i W_EM[r, i] * expert_i; gates = top-k of softmax(z) W_RM^T, renormalised; fitness = ' +
      'accuracy; stage prune: W_EM = W_RM one-hot',
    source: 'Liu et al. 2024, arXiv 2407.00945; imagination-research/EEP, configs/search/search.yml.',
    defaults:
      '400 evaluations, 30 random patterns, matrices after 100; exchange 0.15 per kept expert, crossover 0.3 ' +
      '(row from parent 1 with 0.6), mutation 0.25 per ' +
      'entry by 0.065 standard deviations, a layer changes with 0.25, row normalisation 0.1, parents within ' +
      '1 (crossover) or 3 (mutation) hundredths of the best',
    pitfalls: [
      'The fitness is measured on the calibration items: the best of many candidates looks better there than ' +
        'it is. Only the test items count.',
      'With few calibration items many candidates tie, and the search drifts.',
      'Stage merge keeps all E rows of the router: no stock loader opens the result.',
      'The published README says that the search will be released later, yet search.py is included; its seed ' +
        '11450 draws other numbers than this workbench.',
      'It needs labelled items with choices: a task of plain texts has no accuracy to search by.',
    ],
  },
  options,
  ({ stage, evaluations, initial, switchAfter }) => ({
    kind: 'search',
    search: 'evolution',
    settings: {
      evaluations,
      initial: Math.min(initial, evaluations),
      switchAfter: stage === 'merge' ? switchAfter : null,
      exchange: 0.15,
      crossover: 0.3,
      firstParent: 0.6,
      mutation: 0.25,
      scale: 0.065,
      layerChange: 0.25,
      normalise: 0.1,
      crossoverRange: 1,
      mutationRange: 3,
    },
  }),
);
