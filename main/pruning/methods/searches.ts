import { z } from 'zod';
import { option } from '../../contract/plan.ts';
import { averageScores, layerRow, layerSquare, requireStatistic } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { MOST_SUBSETS } from '../search/eliminate-experts.ts';

const EFFECT = 'the effect of leaving out experts on each layer';

/** Not All Experts Are Equal: the subset that changes the layer's output least. */
export const naee = defineMethod(
  {
    name: 'naee',
    title: 'NAEE',
    summary: "Keeps the subset of experts that changes the layer's output least, found by trying subsets.",
    kind: 'drop',
    needs: 'routing',
    cost:
      'every expert on every calibration token once (E / K times the cost of the MoE layers), then subsets of each ' +
      `layer: all of them where there are at most ${MOST_SUBSETS}, otherwise experts are left out one after the other`,
    draws: false,
    formula:
      'keep the subset with the least ||Z - Z_D||_F over the calibration tokens; Z: output of the full ' +
      'layer, Z_D: with the logits of D at minus infinity before the routing',
    source:
      'Lu et al. 2024, arXiv 2402.14800; Lucky-Lance/Expert_Sparsity, layerwise_pruning and ' +
      'progressive_pruning. Leaving out one after the other (greedy backward elimination) is our substitute ' +
      'where subsets are too many: the repository only enumerates.',
    defaults: 'inputs unpruned: every layer sees the inputs of the unpruned model; all tokens are one batch',
    pitfalls: [
      'The published loss adds norms batch by batch, without squaring: it depends on how tokens were ' +
        'batched. Here all tokens are one batch.',
      'A greedy search need not find the best subset; the profile records which kind of search gave each ' +
        'number of experts.',
      'Each layer is judged alone: errors of layers add up in the pruned model.',
      'Several tasks: the searches of the tasks are averaged by how long each expert stays, a combination that no ' +
        'single search has tried.',
      'A layer with pinned experts uses the order in which experts were left out, not the best subset.',
    ],
  },
  z.object({
    inputs: option(
      z.enum(['unpruned', 'pruned']).default('unpruned'),
      'Inputs of a layer while subsets are tried: those of the unpruned model (layer-wise), or those of the ' +
        'pruned layers before it (progressive: a separate search for every factor, in a sweep only).',
    ),
  }),
  ({ inputs }) =>
    inputs === 'pruned'
      ? { kind: 'search', search: 'progressive' }
      : {
          kind: 'drop',
          extra: ['elimination'],
          // For how many numbers of kept experts an expert stays: its position in the elimination where that is nested.
          score: (context) =>
            averageScores(context, ({ elimination, experts }, layer) => {
              const kept = layerSquare(requireStatistic(elimination, EFFECT).kept, layer, experts);
              return Float64Array.from({ length: experts }, (_, expert) => {
                let stays = 0;
                for (let row = 0; row < experts; row++) stays += kept[row * experts + expert]!;
                return stays;
              });
            }),
          choose: ({ statistics, experts }, layer, keep) => {
            const [only] = statistics;
            if (statistics.length !== 1 || only === undefined) return null;
            const kept = layerSquare(requireStatistic(only.elimination, EFFECT).kept, layer, experts);
            return Array.from(layerRow(kept, keep - 1, experts)).flatMap((stays, expert) =>
              stays === 1 ? [expert] : [],
            );
          },
        },
);

/** Option `evaluations`: the budget of a search. */
const budgetOption = (measured: string) =>
  option(
    z.number().int().min(1).max(100_000).default(400),
    `${measured} to measure on the calibration items: the budget of the search.`,
  );

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
      '400 evaluations, 30 random patterns, matrices after 100; exchange 0.15 per kept expert, crossover 0.3 (row ' +
      'from parent 1 with 0.6), mutation 0.25 per entry by 0.065 standard deviations, a layer changes with 0.25, row ' +
      'normalisation 0.1, parents within 1 (crossover) or 3 (mutation) hundredths of the best',
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
  z.object({
    stage: option(
      z.enum(['prune', 'merge']).default('prune'),
      'Search only which experts stay (the result exports), or continue with real-valued matrices for weights ' +
        'and router (it does not).',
    ),
    evaluations: budgetOption('Candidates'),
    initial: option(z.number().int().min(1).default(30), 'Number of random patterns at the start.'),
    switchAfter: option(
      z.number().int().min(1).default(100),
      'Measured candidates after which matrices are tried (stage merge).',
    ),
  }),
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
  z.object({
    order: option(
      z.enum(['reap', 'frequency', 'ean', 'gate-mass']).default('reap'),
      'Method whose scores rank the experts of a layer; the search decides how many of them each layer keeps.',
    ),
    evaluations: budgetOption('Different allocations'),
    items: option(z.number().int().min(1).default(64), 'Calibration items to compare candidates on, the first ones.'),
    population: option(z.number().int().min(2).max(10_000).default(32), 'Allocations per generation.'),
    parents: option(z.number().int().min(1).default(4), 'Best allocations of a generation that have children.'),
    shifts: option(z.number().int().min(1).max(32).default(3), 'Most shifts between two layers per child.'),
    shift: option(z.number().int().min(1).default(4), 'Most experts per shift.'),
  }),
  (settings) => ({ kind: 'search', search: 'budgets', settings }),
);
