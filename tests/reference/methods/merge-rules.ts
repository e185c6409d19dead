import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import type { MergeRule } from '../../../main/contract/plan.ts';
import { mergeGroup } from '../../../main/pruning/merging/merge-experts.ts';
import type { ExpertWeights } from '../../../main/pruning/merging/expert-weights.ts';
import { expectClose, expert, tensor, tolerance, type Tolerance } from './vector-file.ts';

const params = z.object({ dominant_per_cluster: z.array(z.number()) });
const inputs = z.object({ experts: z.array(expert), expert_proba: tensor, cluster_labels: z.array(z.number()) });
const wide = z
  .object({ gate_proj: tensor, up_proj: tensor, down_proj: tensor })
  .transform(({ gate_proj, up_proj, down_proj }) => ({ gate: gate_proj.data, up: up_proj.data, down: down_proj.data }));

interface Clusters {
  readonly params: z.output<typeof params>;
  readonly inputs: z.output<typeof inputs>;
}

/** Merged expert of a cluster by a rule; the most probable member is the reference. */
const merged = (
  { params: { dominant_per_cluster }, inputs: { experts, expert_proba, cluster_labels } }: Clusters,
  cluster: number,
  rule: MergeRule,
) => {
  const members = cluster_labels.flatMap((label, index) => (label === cluster ? [index] : []));
  const group = {
    members,
    reference: dominant_per_cluster[cluster]!,
    weights: members.map((member) => expert_proba.data[member]!),
  };
  const { shape } = experts[members[0]!]!;
  return {
    weights: atOnce(
      mergeGroup(
        members.map((member) => experts[member]!.weights),
        shape,
        group,
        false,
        rule,
      ),
    ),
    group,
    experts: members.map((member) => experts[member]!),
  };
};

const same = (
  ours: ExpertWeights | Record<keyof ExpertWeights, readonly number[]>,
  theirs: Record<keyof ExpertWeights, readonly number[]>,
  within: Tolerance,
  what: string,
): void => {
  for (const matrix of ['gate', 'up', 'down'] as const)
    expectClose(ours[matrix], theirs[matrix], within, `${what}, ${matrix}`);
};

const otherFile = z.object({
  params,
  inputs,
  expected: z.object({
    'ties_dom_base_top0.3': z.array(wide),
    multislerp: z.array(wide),
    multislerp_dom_base: z.array(wide),
    karcher: z.array(wide),
    'sce_dom_base_top0.5': z.array(wide),
  }),
  tolerance,
});

/**
 * Clusters -> merged experts by TIES, spherical interpolation, Karcher mean and SCE. Two of the numbers contain defects
 * of the repository: its TIES moves from the base away from the members, so base + (base - ours) is expected, and its
 * Karcher mean is scaled by weights that do not sum to 1, so theirs is divided by that sum.
 */
export const mergeOtherVectors = (json: unknown): void => {
  const { expected, tolerance: within, ...clusters } = otherFile.parse(json);
  clusters.params.dominant_per_cluster.forEach((reference, cluster) => {
    const by = (rule: MergeRule) => merged(clusters, cluster, rule);
    const single = by({ name: 'average' }).group.members.length === 1;
    const where = `cluster ${cluster}`;
    same(by({ name: 'slerp', fromReference: false }).weights, expected.multislerp[cluster]!, within, `slerp, ${where}`);
    same(by({ name: 'sce', density: 0.5 }).weights, expected['sce_dom_base_top0.5'][cluster]!, within, `sce, ${where}`);

    const { weights: ties } = by({ name: 'ties', density: 0.3 });
    const base = clusters.inputs.experts[reference]!.weights;
    const away = (matrix: keyof ExpertWeights) =>
      Array.from(ties[matrix], (value, k) => (single ? value : 2 * base[matrix][k]! - value));
    same(
      { gate: away('gate'), up: away('up'), down: away('down') },
      expected['ties_dom_base_top0.3'][cluster]!,
      within,
      `ties, ${where}`,
    );

    const { weights: karcher, group } = by({ name: 'karcher' });
    const total = single ? 1 : group.weights.reduce((sum, weight) => sum + weight, 0);
    const scaled = (matrix: keyof ExpertWeights) => Array.from(karcher[matrix], (value) => value * total);
    same(
      { gate: scaled('gate'), up: scaled('up'), down: scaled('down') },
      expected.karcher[cluster]!,
      within,
      `karcher, ${where}`,
    );

    // With two members the repository interpolates a single difference without first subtracting the base.
    if (group.members.length !== 2) {
      same(
        by({ name: 'slerp', fromReference: true }).weights,
        expected.multislerp_dom_base[cluster]!,
        within,
        `slerp from the reference, ${where}`,
      );
    }
  });
};

const submoeFile = z.object({
  params,
  inputs,
  expected: z.object({ submoe_formula_full_rank: z.array(wide), submoe_formula_rank4: z.array(wide) }),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
});

/**
 * Clusters -> Sub-MoE's merge by its formula: without truncation the weighted average, and with the four leading
 * directions. The column submoe_repo mixes rows of different members (a defect) and is not checked.
 */
export const mergeSubmoeVectors = (json: unknown): void => {
  const { expected, tolerance: within, ...clusters } = submoeFile.parse(json);
  clusters.params.dominant_per_cluster.forEach((_, cluster) => {
    same(
      merged(clusters, cluster, { name: 'average' }).weights,
      expected.submoe_formula_full_rank[cluster]!,
      within,
      `full rank, cluster ${cluster}`,
    );
    same(
      merged(clusters, cluster, { name: 'subspace', rank: 4 }).weights,
      expected.submoe_formula_rank4[cluster]!,
      within,
      `rank 4, cluster ${cluster}`,
    );
  });
};
