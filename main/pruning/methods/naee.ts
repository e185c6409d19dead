import { z } from 'zod';
import { averageScores } from '../average-scores.ts';
import { layerRow, layerSquare } from '../layer-view.ts';
import { defineMethod } from '../method.ts';
import { requireStatistic } from '../saliency/require-statistic.ts';
import { MOST_SUBSETS } from '../search/eliminate-experts.ts';

const WHAT = 'what leaving out experts does to each layer';

const options = z.object({
  inputs: z
    .enum(['unpruned', 'pruned'])
    .default('unpruned')
    .describe(
      'What a layer sees while subsets are tried: the inputs of the unpruned model (layer-wise), or what the ' +
        'pruned layers before it give (progressive: a search of its own for every factor, in a sweep only).',
    ),
});

/** Not All Experts Are Equal: the subset that changes the layer's output least. */
export const naee = defineMethod(
  {
    name: 'naee',
    title: 'NAEE',
    summary: "Keeps the experts without whose fellows the layer's output changes least, found by trying subsets.",
    kind: 'drop',
    needs: 'routing',
    cost:
      'every expert on every calibration token once (E / K times the cost of the MoE layers), then subsets ' +
      'of each layer: ' +
      `all of them where there are at most ${MOST_SUBSETS}, otherwise experts are left out one after the other`,
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
      'A greedy search need not find the best subset; the profile tells which kind of search gave each ' +
        'number of experts.',
      'Each layer is judged alone: errors of layers add up in the pruned model.',
      'Several tasks: the searches of the tasks are averaged by how long each expert stays, which no single ' +
        'search has tried.',
      'A layer with pinned experts goes by the order in which experts were left out, not by the best subset.',
    ],
  },
  options,
  ({ inputs }) =>
    inputs === 'pruned'
      ? { kind: 'search', search: 'progressive' }
      : {
          kind: 'drop',
          extra: ['elimination'],
          // For how many of the numbers of kept experts an expert stays: its place in the elimination where that is
          // nested.
          score: (context) =>
            averageScores(context, ({ elimination, experts }, layer) => {
              const kept = layerSquare(requireStatistic(elimination, WHAT).kept, layer, experts);
              return Float64Array.from({ length: experts }, (_, expert) => {
                let stays = 0;
                for (let row = 0; row < experts; row++) stays += kept[row * experts + expert]!;
                return stays;
              });
            }),
          choose: ({ statistics, experts }, layer, keep) => {
            const [only] = statistics;
            if (statistics.length !== 1 || only === undefined) return null;
            const kept = layerSquare(requireStatistic(only.elimination, WHAT).kept, layer, experts);
            return Array.from(layerRow(kept, keep - 1, experts)).flatMap((stays, expert) =>
              stays === 1 ? [expert] : [],
            );
          },
        },
);
