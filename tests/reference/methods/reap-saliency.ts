import { z } from 'zod';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { expectReapStatistics, reapStatistics } from './reap-statistics.ts';
import { tapsFromActivations } from './taps-from-activations.ts';
import { tensor, tolerance } from './vector-file.ts';

const file = z.object({
  params: z.object({ num_experts: z.number(), top_k: z.number(), renormalize: z.boolean() }),
  inputs: z.object({
    batches: z.array(
      z.object({
        activations: tensor,
        router_logits: tensor,
        selected_experts: tensor,
        valid_token_mask: z.array(z.boolean()),
      }),
    ),
  }),
  expected: reapStatistics.extend({ n_experts_to_prune: z.number() }),
  tolerance,
});

/** Batches of activations -> statistics -> kept experts. */
export const reapSaliencyVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const statistics = emptyRoutingStatistics(1, params.num_experts, params.top_k);
  for (const { activations, router_logits, selected_experts, valid_token_mask } of inputs.batches) {
    const recorded = { activations, logits: router_logits, selected: selected_experts, valid: valid_token_mask };
    const taps = tapsFromActivations(recorded, params.renormalize);
    accumulateRouting(statistics, 0, taps);
    statistics.tokens += taps.logits.length / params.num_experts;
  }
  expectReapStatistics(statistics, 0, expected, expected.n_experts_to_prune, within);
};
