import { expect } from 'vitest';
import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import { accumulateOutputs } from '../../../main/profile/accumulate-outputs.ts';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { isMergePlan } from '../../../main/contract/plan.ts';
import { rankExperts } from '../../../main/pruning/budget.ts';
import { frequencySaliency, reapSaliency } from '../../../main/pruning/saliency.ts';
import { tapsFromActivations } from './taps-from-activations.ts';
import { expectClose, float32, tensor, tolerance, type Tensor } from './vector-file.ts';
import { makePlan } from '../../main/pruning/plan-of-input.ts';

const file = z.object({
  inputs: z.object({ expert_activations: tensor, gate_logits: tensor }),
  expected: z.object({
    saliency: z.object({ reap_top2: tensor, reap_top3: tensor, reap_all_tokens: tensor, freq_top2: tensor }),
    grouping_from_reap_top2: z.record(
      z.string(),
      z.object({ labels: z.array(z.number()), centroids: z.array(z.number()) }),
    ),
  }),
  tolerance,
});

/** Statistics of one layer whose tokens choose the `topK` largest logits, with raw softmax weights. */
const statisticsOf = (activations: Tensor, gate: Tensor, topK: number): RoutingStatistics => {
  const [experts = 0, tokens = 0, hidden = 0] = activations.shape;
  const logits = { shape: [tokens, experts], data: gate.data };
  const chosen = Array.from({ length: tokens }, (_, token) =>
    rankExperts(Float64Array.from(gate.data.slice(token * experts, (token + 1) * experts))).slice(0, topK),
  );
  const selected = { shape: [tokens, topK], data: chosen.flat() };
  const statistics: RoutingStatistics = {
    ...emptyRoutingStatistics(1, experts, topK),
    tokens,
    outputs: {
      hidden,
      routedSum: new Float64Array(experts * hidden),
      everywhere: { sum: new Float64Array(experts * hidden), cosineSum: new Float64Array(experts * experts) },
    },
  };
  accumulateRouting(statistics, 0, tapsFromActivations({ activations, logits, selected }, false));
  atOnce(accumulateOutputs(statistics, 0, { outputs: float32(activations), experts: Int32Array.from(chosen.flat()) }));
  return statistics;
};

/** Outputs of all experts and router logits -> saliency, centroids and groups. */
export const reamGroupingVectors = (json: unknown): void => {
  const { inputs, expected, tolerance: within } = file.parse(json);
  const { expert_activations: activations, gate_logits: gate } = inputs;
  const experts = activations.shape[0] ?? 0;
  const of = (topK: number) => statisticsOf(activations, gate, topK);
  const top2 = of(2);
  expectClose(reapSaliency(top2, 0), expected.saliency.reap_top2.data, within, 'REAP of the top 2');
  expectClose(reapSaliency(of(3), 0), expected.saliency.reap_top3.data, within, 'REAP of the top 3');
  expectClose(reapSaliency(of(experts), 0), expected.saliency.reap_all_tokens.data, within, 'REAP of all');
  expectClose(frequencySaliency(top2, 0), expected.saliency.freq_top2.data, within, 'frequency of the top 2');
  for (const [name, theirs] of Object.entries(expected.grouping_from_reap_top2)) {
    const [, keep, groupSize, useGate] = /^k=(\d+),group_size=(\d+),use_gate=(True|False)$/.exec(name) ?? [];
    const plan = makePlan({
      method: 'ream',
      options: { groupSize: Number(groupSize), useGate: useGate === 'True' },
      statistics: [top2],
      layers: 1,
      experts,
      topK: 2,
      keep: Number(keep),
      budget: 'uniform',
      pins: [],
      seed: 0,
    });
    if (!isMergePlan(plan)) throw new Error('ream merges');
    const groups = plan.groups[0]!;
    const byReference = new Map(groups.map(({ reference, members }) => [reference, members]));
    theirs.centroids.forEach((centroid, label) => {
      const members = theirs.labels.flatMap((own, expert) => (own === label ? [expert] : []));
      expect(byReference.get(centroid), `${name}: group of ${centroid}`).toEqual(members);
    });
  }
};
