import { expect } from 'vitest';
import { z } from 'zod';
import type { RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { keepByCounts } from '../../../main/pruning/budget.ts';
import { layerRow } from '../../../main/pruning/weighed-profiles.ts';
import { eanSaliency, frequencySaliency, gateMassSaliency, reapSaliency } from '../../../main/pruning/saliency.ts';
import { expectClose, tensor, type Tolerance } from './vector-file.ts';

/**
 * Statistics of one layer as named in the REAP repository, and the experts kept by each. Not covered: statistics that
 * need more than routed tokens (`max_activations`, characteristic activations and their distances), and
 * `pairwise_expert_frequency`, which contains n_i + n_j rather than co-activations.
 */
export const reapStatistics = z.object({
  total_tokens: z.number(),
  expert_frequency: tensor,
  ean_sum: tensor,
  ean_mean: tensor,
  weighted_expert_frequency_sum: tensor,
  weighted_ean_sum: tensor,
  reap: tensor,
  expert_proba: tensor.optional(),
  kept_experts: z.record(z.string(), z.array(z.number())),
  kept_unambiguous: z.record(z.string(), z.boolean()),
});

export const expectReapStatistics = (
  statistics: RoutingStatistics,
  layer: number,
  expected: z.output<typeof reapStatistics>,
  expertsToPrune: number,
  within: Tolerance,
): void => {
  const { experts, tokens } = statistics;
  const saliencies = {
    expert_frequency: frequencySaliency(statistics, layer),
    ean_sum: eanSaliency(statistics, layer, 'sum'),
    ean_mean: eanSaliency(statistics, layer, 'mean'),
    weighted_expert_frequency_sum: gateMassSaliency(statistics, layer, 'combine-weight'),
    weighted_ean_sum: layerRow(statistics.reapSum, layer, experts).slice(),
    reap: reapSaliency(statistics, layer),
  };
  expect(tokens, 'total_tokens').toBe(expected.total_tokens);
  expect([...saliencies.expert_frequency], 'expert_frequency').toEqual([...expected.expert_frequency.data]);
  if (expected.expert_proba) {
    expectClose(
      saliencies.expert_frequency.map((count) => count / tokens),
      expected.expert_proba.data,
      within,
      'expert_proba',
    );
  }
  for (const name of ['ean_sum', 'ean_mean', 'weighted_expert_frequency_sum', 'weighted_ean_sum', 'reap'] as const) {
    expectClose(saliencies[name], expected[name].data, within, name);
  }
  for (const [name, scores] of Object.entries(saliencies)) {
    const theirs = expected.kept_experts[name];
    if (theirs === undefined) throw new Error(`the file names no experts kept by ${name}`);
    const [kept = []] = keepByCounts([scores], [experts - expertsToPrune], []);
    if (expected.kept_unambiguous[name] === true) expect(kept, `kept by ${name}`).toEqual(theirs);
    else {
      const scored = (list: readonly number[]) => list.map((expert) => scores[expert]!).sort((a, b) => a - b);
      expectClose(scored(kept), scored(theirs), within, `scores of the experts kept by ${name}`);
    }
  }
};
