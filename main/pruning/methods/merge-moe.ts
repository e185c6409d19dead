import { z } from 'zod';
import { defineMethod } from '../method.ts';

const options = z.object({
  ridge: z
    .number()
    .positive()
    .max(1)
    .default(1e-6)
    .describe('Ridge of the least squares, as a fraction of the mean squared length of an inner activation.'),
  router: z
    .enum(['mapped-rows', 'summed-probabilities', 'reference-row', 'mean-row'])
    .default('mapped-rows')
    .describe(
      'Router after the merge: all rows kept, each leading to its group (mapped-rows, as published; ' +
        'summed-probabilities), or one row per group, which can be exported.',
    ),
});

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
  options,
  (settings) => ({ kind: 'search', search: 'outputs', settings }),
);
