import { expect } from 'vitest';
import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import { isMergePlan, uncurlOptions, type MergeGroup } from '../../../main/contract/plan.ts';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { expertAffinity } from '../../../main/pruning/clustering/affinity.ts';
import { alignExpert } from '../../../main/pruning/merging/align-experts.ts';
import type { ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { expertToKept, mergeGroup, mergeRouterRows } from '../../../main/pruning/merging/merge-experts.ts';
import { castChangesAlignment } from './half-precision-cost.ts';
import { runMoeLayer } from './run-moe-layer.ts';
import { expectClose, expert, float32, tensor, tolerance } from './vector-file.ts';
import { makePlan } from '../../main/pruning/plan-of-input.ts';

const byClusters = z.object({
  labels: z.array(z.number()),
  labels_robust: z.boolean(),
  dominant: z.array(z.number()),
  permutations: z.record(z.string(), z.array(z.number())),
  merged_experts: z.array(expert),
  router_dominant_row: tensor,
  router_frequency_weighted_mean_row: tensor,
  outputs_after_merge: z.record(z.string(), tensor),
  relative_error: z.record(z.string(), z.number()),
});
const file = z.object({
  params: z.object({ E: z.number(), K: z.number() }),
  inputs: z.object({ X: tensor, gate_weight: tensor, experts: z.array(expert) }),
  expected: z.object({
    router_logits: tensor,
    activation_count: z.array(z.number()),
    affinity_cosine01: tensor,
    output_full: tensor,
    by_clusters: z.record(z.string(), byClusters),
  }),
  tolerance,
});

const TIED = 'all_rows_kept_tied_experts (M-SMoE style)';

/**
 * Hidden states with the workbench's graph -> statistics -> plan -> aligned and merged experts, router rows, and the
 * layer's output under all four router treatments.
 */
export const uncurlPipelineVectors = async (json: unknown): Promise<void> => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const { E, K } = params;
  const router = float32(inputs.gate_weight);
  const tokens = float32(inputs.X);
  const shape = inputs.experts[0]!.shape;
  const experts = inputs.experts.map(({ weights }) => weights);
  const full = await runMoeLayer({ router, experts, shape, topK: K, normalise: true, tokens });
  expectClose(full.logits, expected.router_logits.data, within, 'router_logits');
  expectClose(full.output, expected.output_full.data, within, 'output_full');

  const statistics = emptyRoutingStatistics(1, E, K);
  accumulateRouting(statistics, 0, full);
  statistics.tokens = tokens.length / shape.hidden;
  expect([...statistics.counts], 'activation_count').toEqual(expected.activation_count);
  expectClose(expertAffinity('cosine', statistics, 0), expected.affinity_cosine01.data, within, 'affinity_cosine01');

  for (const [clusters, theirs] of Object.entries(expected.by_clusters)) {
    const keep = Number(clusters);
    if (!theirs.labels_robust) continue;
    const groups = planGroups(keep);
    const labels = Array.from(expertToKept(groups, E));
    expect(labels, `labels of ${clusters} clusters`).toEqual(theirs.labels);
    expect(
      groups.map(({ reference }) => reference),
      'most active members',
    ).toEqual(theirs.dominant);
    if (groups.some(({ members, reference }) => members.some((member) => cast(member, reference)))) continue;

    for (const [member, permutation] of Object.entries(theirs.permutations)) {
      const { reference } = groups[labels[Number(member)]!]!;
      const ours = alignExpert(experts[Number(member)]!, experts[reference]!, shape);
      expect([...ours], `permutation of expert ${member}`).toEqual(permutation);
    }
    const merged = merge(groups, true);
    merged.forEach((weights, kept) => {
      for (const matrix of ['gate', 'up', 'down'] as const) {
        expectClose(
          weights[matrix],
          theirs.merged_experts[kept]!.weights[matrix],
          within,
          `merged expert ${kept}, ${matrix}`,
        );
      }
    });
    const referenceRows = mergeRouterRows(router, shape.hidden, groups, 'reference-row');
    const meanRows = mergeRouterRows(router, shape.hidden, groups, 'mean-row');
    expectClose(referenceRows, theirs.router_dominant_row.data, within, 'router_dominant_row');
    expectClose(meanRows, theirs.router_frequency_weighted_mean_row.data, within, 'router_frequency_weighted_mean_row');

    const layer = { experts: merged, shape, topK: Math.min(K, keep), normalise: true, tokens };
    const tied = { ...layer, router, topK: K, map: { kind: 'rows', experts: labels } } as const;
    const outputs: Record<string, Float32Array> = {
      dominant_row: (await runMoeLayer({ ...layer, router: referenceRows })).output,
      frequency_weighted_mean_row: (await runMoeLayer({ ...layer, router: meanRows })).output,
      [TIED]: (await runMoeLayer(tied)).output,
      sum_of_member_softmax_probabilities: (
        await runMoeLayer({ ...layer, router, map: { kind: 'sums', experts: labels } })
      ).output,
      'tied, merged WITHOUT alignment': (await runMoeLayer({ ...tied, experts: merge(groups, false) })).output,
    };
    for (const [treatment, output] of Object.entries(theirs.outputs_after_merge)) {
      expectClose(outputs[treatment] ?? [], output.data, within, `output with ${treatment}`);
    }
    for (const [treatment, error] of Object.entries(theirs.relative_error)) {
      expectClose([relativeError(outputs[treatment] ?? [])], [error], within, `relative error with ${treatment}`);
    }
  }

  function planGroups(keep: number): MergeGroup[] {
    // A plan never keeps fewer than top-k experts; the files also go below, where top-k is reduced to the number of
    // rows.
    const profile = { ...statistics, topK: Math.min(K, keep) };
    const plan = makePlan({
      method: 'uncurl',
      statistics: [profile],
      layers: 1,
      experts: E,
      topK: profile.topK,
      keep,
      budget: 'uniform',
      pins: [],
      seed: 0,
      options: uncurlOptions.parse({ affinity: 'cosine', diagonal: 'excluded', assign: 'cluster-qr' }),
    });
    if (!isMergePlan(plan)) throw new Error('uncurl makes merge plans');
    return plan.groups[0]!;
  }
  function merge(groups: readonly MergeGroup[], align: boolean): ExpertWeights[] {
    return groups.map((group) =>
      atOnce(
        mergeGroup(
          group.members.map((member) => experts[member]!),
          shape,
          group,
          align,
        ),
      ),
    );
  }
  function cast(member: number, reference: number): boolean {
    return member !== reference && castChangesAlignment(experts[member]!, experts[reference]!, shape);
  }
  function relativeError(output: ArrayLike<number>): number {
    const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const truth = expected.output_full.data;
    return norm(truth.map((value, at) => output[at]! - value)) / norm([...truth]);
  }
};
