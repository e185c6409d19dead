import type { RoutingStatistics } from '../../profile/routing-statistics.ts';
import { layerRow, requireStatistic, averageScores } from '../weighed-profiles.ts';
import { defineMethod, NO_OPTIONS } from '../method.ts';

/** EASY-EP: sum over the tokens routed to e of g ||f_e(x)|| max(0, 1 - cos(h, h + y)). [E] */
export const easyEpSaliency = (statistics: RoutingStatistics, layer: number): Float64Array =>
  layerRow(
    requireStatistic(statistics.residualSum, 'how far each layer turns its tokens'),
    layer,
    statistics.experts,
  ).slice();

/** EASY-EP: REAP's sum, each token weighted by how far the layer turns it. */
export const easyEp = defineMethod(
  {
    name: 'easy-ep',
    title: 'EASY-EP',
    summary:
      'Keeps the experts with the largest gated outputs, weighting tokens by how far the routed experts turn them.',
    kind: 'drop',
    needs: 'routing',
    cost: 'one more number per token and layer: the cosine of the hidden state before and after the routed experts',
    draws: false,
    formula:
      'score(e) = sum over tokens routed to e of g_e(x) * ||f_e(x)||_2 * max(0, 1 - cos(h, h + y)); h enters ' +
      'the layer (attention residual included), y is the sum of the routed experts, without shared ones',
    source:
      'Dong et al. 2025, arXiv 2504.06792; RUCAIBox/EASYEP. Several domains: each divided by its layer sum, ' +
      'then added, as in the paper.',
    defaults:
      "g with the router's scale, as the model applies it; the paper keeps 128 of 256 experts by 25 demonstrations",
    pitfalls: [
      'The published expert_selection.py does not run (a local import hides json), ' +
        'expert_selection_mix_domain.py uses a weight before it is set, and both are fixed to 58 layers of 256 ' +
        'experts. The formula is implemented here.',
      'The sum follows usage: seldom chosen experts rank low even where they turn their tokens far.',
    ],
  },
  NO_OPTIONS,
  () => ({ kind: 'drop', extra: ['residual'], score: (context) => averageScores(context, easyEpSaliency) }),
);
