import { z } from 'zod';
import { defineMethod } from '../method.ts';

const options = z.object({
  order: z
    .enum(['reap', 'frequency', 'ean', 'gate-mass'])
    .default('reap')
    .describe('Method whose scores rank the experts of a layer; the search decides how many of them each layer keeps.'),
  evaluations: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(400)
    .describe('Different allocations to measure on the calibration items: the budget of the search.'),
  items: z.number().int().min(1).default(64).describe('Calibration items to compare candidates on, the first ones.'),
  population: z.number().int().min(2).max(10_000).default(32).describe('Allocations per generation.'),
  parents: z.number().int().min(1).default(4).describe('Best allocations of a generation that have children.'),
  shifts: z.number().int().min(1).max(32).default(3).describe('Most shifts between two layers per child.'),
  shift: z.number().int().min(1).default(4).describe('Most experts per shift.'),
});

/** EvoESAP: kept experts per layer by evolution of the expected acceptance. */
export const evoEsap = defineMethod(
  {
    name: 'evo-esap',
    title: 'EvoESAP',
    summary:
      'Searches by evolution how many experts each layer keeps, by the expected acceptance of the unpruned model, ' +
      'and keeps the best of each layer by a score.',
    kind: 'drop',
    needs: 'fit',
    cost:
      'a profile, and a job of its own for every size: `evaluations` passes over `items` calibration items, each ' +
      'with another allocation',
    draws: true,
    formula:
      'fitness(k_1 .. k_L) = mean over positions of sum over tokens of min(p, q), p and q the next-token ' +
      'distributions of the unpruned and the pruned model, with sum k_l = L * keep, k_l at least the top-k; the k_l ' +
      'experts of largest score stay',
    source:
      'Liu et al. 2026, arXiv 2603.06003; ZongfangLiu/EvoESAP, search_utils.py: fitness esp-dataset, allocation and ' +
      'mutation as there.',
    defaults:
      'order REAP; 400 evaluations, 32 per generation, 4 parents, up to 3 shifts of up to 4 experts; the first 64 ' +
      'calibration items, at the tokens of their right answers (of texts: at every token)',
    pitfalls: [
      'The acceptance is measured on the calibration items: the best of many allocations looks better there than it ' +
        'is. Only the test items count.',
      'The published search also starts from ten fixed shapes (rising, falling, and so on); here from the uniform ' +
        'one and random ones.',
      'The published fitness reads every token of packed samples of a data set; here the answers, where there are any.',
      'Budgets and protection do not apply: the total is that of the uniform budget.',
      'Stock loaders open no export with different numbers of experts per layer.',
    ],
  },
  options,
  (settings) => ({ kind: 'search', search: 'budgets', settings }),
);
