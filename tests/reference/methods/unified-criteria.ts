import { expect } from 'vitest';
import { z } from 'zod';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { sharesOfLayer } from '../../../main/pruning/budget.ts';
import { layerRow } from '../../../main/pruning/layer-view.ts';
import { eanSaliency } from '../../../main/pruning/saliency/ean.ts';
import { frequencySaliency } from '../../../main/pruning/saliency/frequency.ts';
import { gateMassSaliency } from '../../../main/pruning/saliency/gate-mass.ts';
import { meanOverCounts } from '../../../main/pruning/saliency/mean-over-counts.ts';
import { reapSaliency } from '../../../main/pruning/saliency/reap.ts';
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

/** Members of S(b, alpha, beta) that the profile's sums give: alpha and beta at most 1. */
const members: Readonly<Record<string, (statistics: RoutingStatistics) => Float64Array>> = {
  'b=0,alpha=0,beta=0': (statistics) => frequencySaliency(statistics, 0),
  'b=0,alpha=0,beta=1': (statistics) => eanSaliency(statistics, 0, 'sum'),
  'b=0,alpha=1,beta=0': (statistics) => gateMassSaliency(statistics, 0, 'combine-weight'),
  'b=0,alpha=1,beta=1': (statistics) => layerRow(statistics.reapSum, 0, statistics.experts).slice(),
  'b=1,alpha=0,beta=1': (statistics) => eanSaliency(statistics, 0, 'mean'),
  'b=1,alpha=1,beta=0': (statistics) =>
    meanOverCounts(gateMassSaliency(statistics, 0, 'combine-weight'), frequencySaliency(statistics, 0)),
  'b=1,alpha=1,beta=1': (statistics) => reapSaliency(statistics, 0),
};

const softCounts = (raw: RoutingStatistics, renormalised: RoutingStatistics): Record<string, Float64Array> => ({
  'softmax_mass_all_tokens (HC-SMoE routing-score, S-prune)': sharesOfLayer(gateMassSaliency(raw, 0, 'probability-all')),
  'softmax_mass_selected_tokens (REAP repo weighted_expert_frequency_sum)': gateMassSaliency(raw, 0, 'probability-routed'),
  renormalised_topk_gate_mass: gateMassSaliency(renormalised, 0, 'combine-weight'),
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
  for (const [kind, statistics] of [['raw_softmax', raw], ['topk_renormalised', renormalised]] as const) {
    for (const [member, saliency] of Object.entries(members)) {
      const key = `${kind}|${member}`;
      const theirs = expected.S[key];
      if (theirs === undefined) throw new Error(`the file lacks ${key}`);
      expectClose(saliency(statistics), theirs, within, key);
    }
  }
  const ours = softCounts(raw, renormalised);
  expect(Object.keys(ours).sort()).toEqual(Object.keys(expected.soft_counts).sort());
  for (const [name, theirs] of Object.entries(expected.soft_counts)) expectClose(ours[name] ?? [], theirs, within, name);
};
