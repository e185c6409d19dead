import { expect } from 'vitest';
import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import { isMergePlan, type MergeGroup } from '../../../main/contract/plan.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { expertAffinity } from '../../../main/pruning/clustering/affinity.ts';
import { alignExpert } from '../../../main/pruning/merging/align-experts.ts';
import { usageThresholdCounts } from '../../../main/pruning/methods/merges-into-leaders.ts';
import { sharesOfLayer, rankExperts } from '../../../main/pruning/budget.ts';
import { fillEmptyClusters, byFirstAppearance } from '../../../main/pruning/clustering/cluster-labels.ts';
import { layerRow } from '../../../main/pruning/weighed-profiles.ts';
import { mergeGroup } from '../../../main/pruning/merging/merge-experts.ts';
import { spectralClusters } from '../../../main/pruning/clustering/spectral-clustering.ts';
import { expectClose, float32, float64, tensor, tolerance } from './vector-file.ts';
import { makePlan } from '../../main/pruning/plan-of-input.ts';

const labels = z.record(z.string(), z.array(z.number()));
const groupingFile = z.object({
  params: z.object({ E: z.number(), L: z.number(), top_k: z.number() }),
  inputs: z.object({ router_logits_batches: z.array(tensor) }),
  expected: z.object({
    similarity: z.record(z.string(), tensor),
    usage_frequency: z.record(z.string(), tensor),
    by_average_groups: z.record(
      z.string(),
      z.object({
        num_groups_per_layer: z.record(z.string(), z.number()),
        dominant_experts: labels,
        group_labels: labels,
      }),
    ),
  }),
  tolerance,
});

/** Adds [T, E] router logits of one layer; the K largest are chosen. */
const addLogits = (statistics: RoutingStatistics, layer: number, logits: Float32Array): void => {
  const { experts, topK } = statistics;
  const tokens = logits.length / experts;
  const chosen = Array.from({ length: tokens }, (_, token) =>
    rankExperts(Float64Array.from(logits.subarray(token * experts, (token + 1) * experts))).slice(0, topK),
  );
  const nothing = new Float32Array(tokens * topK);
  accumulateRouting(statistics, layer, {
    logits,
    experts: Int32Array.from(chosen.flat()),
    weights: nothing,
    norms: nothing,
  });
};

const groupsOf = (statistics: RoutingStatistics, keep: number, layers: number): readonly (readonly MergeGroup[])[] => {
  // A layer may have fewer groups than top-k here: the files go below what a plan of the workbench allows.
  const profile = { ...statistics, topK: 1 };
  const { experts } = statistics;
  const plan = makePlan({
    method: 'm-smoe',
    options: { ties: 'lost' },
    statistics: [profile],
    layers,
    experts,
    topK: 1,
    keep,
    budget: 'global',
    pins: [],
    seed: 0,
  });
  if (!isMergePlan(plan)) throw new Error('m-smoe merges');
  return plan.groups;
};

const expectGroups = (
  groups: readonly MergeGroup[],
  dominants: readonly number[],
  theirs: readonly number[],
  what: string,
): void => {
  expect(
    groups.map(({ reference }) => reference).sort((a, b) => a - b),
    `dominants of ${what}`,
  ).toEqual([...dominants].sort((a, b) => a - b));
  for (const { members, reference } of groups) {
    for (const member of members)
      expect(theirs[member], `group of expert ${member} in ${what}`).toBe(theirs[reference]);
  }
};

/** Router logits -> similarity and usage -> groups per layer, dominants and members. */
export const msmoeGroupingVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance: within } = groupingFile.parse(json);
  const { E, L } = params;
  const statistics = emptyRoutingStatistics(L, E, params.top_k);
  for (const batch of inputs.router_logits_batches) {
    const each = batch.data.length / L;
    for (let layer = 0; layer < L; layer++)
      addLogits(statistics, layer, float32(batch).subarray(layer * each, (layer + 1) * each));
    statistics.tokens += each / E;
  }
  const names = Object.keys(expected.similarity);
  names.forEach((name, layer) => {
    expectClose(
      expertAffinity('cosine', statistics, layer),
      expected.similarity[name]!.data,
      within,
      `similarity of ${name}`,
    );
    expectClose(
      sharesOfLayer(layerRow(statistics.counts, layer, E)),
      expected.usage_frequency[name]!.data,
      within,
      `usage of ${name}`,
    );
  });
  for (const [average, theirs] of Object.entries(expected.by_average_groups)) {
    const usage = names.map((_, layer) => layerRow(statistics.counts, layer, E));
    const counts = usageThresholdCounts(usage, Number(average));
    expect(counts, `groups per layer, ${average} on average`).toEqual(
      names.map((name) => theirs.num_groups_per_layer[name]),
    );
    const groups = groupsOf(statistics, Number(average), L);
    names.forEach((name, layer) => {
      // If dominants of equal usage are taken in a different order in the file, they are not checked.
      const least = Math.min(...theirs.dominant_experts[name]!.map((expert) => usage[layer]![expert]!));
      const tied = [...usage[layer]!.keys()].some(
        (expert) => usage[layer]![expert] === least && !theirs.dominant_experts[name]!.includes(expert),
      );
      if (!tied)
        expectGroups(groups[layer]!, theirs.dominant_experts[name]!, theirs.group_labels[name]!, `${name}, ${average}`);
    });
  }
};

const matrices = z.object({ w1: tensor, w2: tensor, w3: tensor });
const mergeFile = z.object({
  inputs: z.object({ experts: z.array(matrices), group_labels: z.array(z.number()), usage_frequency: tensor }),
  expected: z.object({ merged_by_label: z.record(z.string(), matrices), expert_index_bound_to: z.array(z.number()) }),
  tolerance,
});

/** Groups and usage -> merged experts. */
export const msmoeMergeVectors = (json: unknown): void => {
  const { inputs, expected, tolerance: within } = mergeFile.parse(json);
  const [width = 0, hidden = 0] = inputs.experts[0]!.w1.shape;
  const weights = inputs.experts.map(({ w1, w2, w3 }) => ({ gate: float32(w1), up: float32(w3), down: float32(w2) }));
  for (const [label, theirs] of Object.entries(expected.merged_by_label)) {
    const members = inputs.group_labels.flatMap((own, expert) => (own === Number(label) ? [expert] : []));
    const group = {
      members,
      reference: members[0]!,
      weights: members.map((member) => inputs.usage_frequency.data[member]!),
    };
    const merged = atOnce(
      mergeGroup(
        members.map((member) => weights[member]!),
        { hidden, width },
        group,
        false,
      ),
    );
    expectClose(merged.gate, theirs.w1.data, within, `group ${label}, w1`);
    expectClose(merged.up, theirs.w3.data, within, `group ${label}, w3`);
    expectClose(merged.down, theirs.w2.data, within, `group ${label}, w2`);
    for (const member of members) expect(expected.expert_index_bound_to[member]).toBe(members[0]);
  }
};

const relu = z.object({ wi: tensor, wo: tensor });
const found = z.object({
  weight_matching_wi_only: z.array(z.number()),
  weight_matching_with_wo: z.array(z.number()),
});
const permutationFile = z.object({
  inputs: z.object({ reference: relu, random_target: relu, noisy_permuted_target: relu }),
  expected: z.object({ random_target: found, noisy_permuted_target: found }),
});

/** Two-matrix experts -> permutations by weights. The largest inner product is the minimum distance. */
export const msmoePermutationVectors = (json: unknown): void => {
  const { inputs, expected } = permutationFile.parse(json);
  const [width = 0, hidden = 0] = inputs.reference.wi.shape;
  const shape = { hidden, width };
  const nothing = new Float32Array(width * hidden);
  const expert = ({ wi, wo }: z.output<typeof relu>, withDown: boolean) => ({
    gate: float32(wi),
    up: nothing,
    down: withDown ? float32(wo) : nothing,
  });
  for (const name of ['random_target', 'noisy_permuted_target'] as const) {
    const [target, theirs] = [inputs[name], expected[name]];
    for (const withDown of [false, true]) {
      const ours = alignExpert(expert(target, withDown), expert(inputs.reference, withDown), shape);
      expect([...ours], `${name}, down ${withDown}`).toEqual(
        withDown ? theirs.weight_matching_with_wo : theirs.weight_matching_wi_only,
      );
    }
  }
};

/** scikit-learn's graph has no self loops. */
const scikitLearn = {
  diagonal: 'excluded',
  embedding: 'degree',
  assign: 'cluster-qr',
  optimiser: 'lloyd',
  starts: 20,
  seed: 0,
} as const;

const switchFile = z.object({
  params: z.object({ E: z.number(), num_groups: z.number() }),
  inputs: z.object({
    layers: z.record(z.string(), z.object({ router_logits: tensor, planted_groups: z.array(z.number()) })),
    usage_frequency: z.record(z.string(), tensor),
  }),
  expected: z.object({
    similarity: z.record(z.string(), tensor),
    spectral_labels: labels,
    routing_guided_global: z.object({ cores: labels, labels }),
  }),
  tolerance,
});

/** The same for a Switch model: similarity, its spectral clusters, and groups around the most used experts. */
export const mcsmoeSwitchVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance: within } = switchFile.parse(json);
  const { E, num_groups: groupCount } = params;
  const names = Object.keys(inputs.layers);
  const statistics = emptyRoutingStatistics(names.length, E, 1);
  names.forEach((name, layer) => {
    const { router_logits } = inputs.layers[name]!;
    addLogits(statistics, layer, float32(router_logits));
    statistics.tokens = router_logits.shape[0] ?? 0;
    statistics.counts.set(float64(inputs.usage_frequency[name]!), layer * E);
    const affinity = expertAffinity('cosine', statistics, layer);
    expectClose(affinity, expected.similarity[name]!.data, within, `similarity of ${name}`);
    // Their labels come from a k-means with a random state; they are checked where they equal the planted groups.
    const planted = [...byFirstAppearance(Int32Array.from(inputs.layers[name]!.planted_groups))];
    if (planted.every((label, expert) => label === expected.spectral_labels[name]![expert])) {
      const clusters = fillEmptyClusters(spectralClusters(affinity, E, groupCount, scikitLearn), affinity, groupCount);
      expect([...clusters], `spectral clusters of ${name}`).toEqual(planted);
    }
  });
  const groups = groupsOf(statistics, groupCount, names.length);
  names.forEach((name, layer) => {
    const { cores, labels: theirs } = expected.routing_guided_global;
    expectGroups(groups[layer]!, cores[name]!, theirs[name]!, name);
  });
};
