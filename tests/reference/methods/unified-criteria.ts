import { expect } from 'vitest';
import { z } from 'zod';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { sharesOfLayer } from '../../../main/pruning/budget.ts';
import { frequencySaliency, gateMassSaliency, unifiedSaliency } from '../../../main/pruning/saliency.ts';
import { tapsFromActivations } from './taps-from-activations.ts';
import { expectClose, tensor, tolerance } from './vector-file.ts';

const file = z.object({
  params: z.object({ E: z.number(), K: z.number() }),
  inputs: z.object({ activations: tensor, router_logits: tensor, selected_experts: tensor }),
  expected: z.object({
    S: z.record(z.string(), z.array(z.number())),
    soft_counts: z.record(z.string(), z.array(z.number())),
  }),
  tolerance,
});

const memberSchema = z.object({
  b: z.union([z.literal(0), z.literal(1)]),
  alpha: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  beta: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  gate: z.enum(['own', 'probability', 'renormalised']),
});

const softCounts = (raw: RoutingStatistics): Record<string, Float64Array> => ({
  'softmax_mass_all_tokens (HC-SMoE routing-score, S-prune)': sharesOfLayer(
    gateMassSaliency(raw, 0, 'probability-all'),
  ),
  'softmax_mass_selected_tokens (REAP repo weighted_expert_frequency_sum)': gateMassSaliency(
    raw,
    0,
    'probability-routed',
  ),
  renormalised_topk_gate_mass: gateMassSaliency(raw, 0, 'renormalised'),
  topk_count: frequencySaliency(raw, 0),
});

/** Activations -> sums -> members of the unified family, and four soft counts. */
export const unifiedCriteriaVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const accumulate = (renormalise: boolean): RoutingStatistics => {
    const statistics = emptyRoutingStatistics(1, params.E, params.K);
    const { activations, router_logits: logits, selected_experts: selected } = inputs;
    accumulateRouting(statistics, 0, tapsFromActivations({ activations, logits, selected }, renormalise));
    return statistics;
  };
  const raw = accumulate(false);
  const renormalised = accumulate(true);
  for (const [kind, statistics] of [
    ['raw_softmax', raw],
    ['topk_renormalised', renormalised],
  ] as const) {
    for (const [key, theirs] of Object.entries(expected.S).filter(([name]) => name.startsWith(`${kind}|`))) {
      const [, b, alpha, beta] = /b=(\d),alpha=(\d),beta=(\d)$/.exec(key) ?? [];
      const member = memberSchema.parse({ b: Number(b), alpha: Number(alpha), beta: Number(beta), gate: 'own' });
      expectClose(unifiedSaliency(statistics, 0, member), theirs, within, key);
      // The same sums are stored for gates other than the model's own.
      const gate = kind === 'raw_softmax' ? 'probability' : 'renormalised';
      for (const other of [raw, renormalised])
        expectClose(unifiedSaliency(other, 0, { ...member, gate }), theirs, within, `${key}, gate ${gate}`);
    }
  }
  const ours = softCounts(raw);
  expect(Object.keys(ours).sort()).toEqual(Object.keys(expected.soft_counts).sort());
  for (const [name, theirs] of Object.entries(expected.soft_counts))
    expectClose(ours[name] ?? [], theirs, within, name);
};
