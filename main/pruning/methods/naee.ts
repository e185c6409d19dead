import { z } from 'zod';
import { averageScores, layerRow, layerSquare, requireStatistic } from '../weighed-profiles.ts';
import { defineMethod } from '../method.ts';
import { MOST_SUBSETS } from '../search/eliminate-experts.ts';

const WHAT = 'the effect of leaving out experts on each layer';

const options = z.object({
  inputs: z
    .enum(['unpruned', 'pruned'])
    .default('unpruned')
    .describe(
      'Inputs of a layer while subsets are tried: those of the unpruned model (layer-wise), or those of the ' +
        'pruned layers before it (progressive: a separate search for every factor, in a sweep only).',
    ),
});

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
  options,
  ({ inputs }) =>
    inputs === 'pruned'
      ? { kind: 'search', search: 'progressive' }
      : {
          kind: 'drop',
          extra: ['elimination'],
          // For how many numbers of kept experts an expert stays: its position in the elimination where that is nested.
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
