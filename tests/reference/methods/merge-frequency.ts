import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import { mergeGroup } from '../../../main/pruning/merging/merge-experts.ts';
import { castChangesAlignment } from './half-precision-cost.ts';
import { expectClose, expert, tensor, tolerance } from './vector-file.ts';

const file = z.object({
  params: z.object({ dominant_per_cluster: z.array(z.number()) }),
  inputs: z.object({ experts: z.array(expert), expert_proba: tensor, cluster_labels: z.array(z.number()) }),
  expected: z.object({
    frequency_weighted_average: z.array(expert),
    'frequency_weighted_average+wm_permutation': z.array(expert),
  }),
  tolerance,
});

/** Clusters, weights and experts -> merged experts, with and without alignment. */
export const mergeFrequencyVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  params.dominant_per_cluster.forEach((reference, cluster) => {
    const members = inputs.cluster_labels.flatMap((label, index) => (label === cluster ? [index] : []));
    const group = { members, reference, weights: members.map((member) => inputs.expert_proba.data[member]!) };
    const experts = members.map((member) => inputs.experts[member]!);
    const { weights: target, shape } = inputs.experts[reference]!;
    for (const [align, theirs] of [
      [false, expected.frequency_weighted_average[cluster]!],
      [true, expected['frequency_weighted_average+wm_permutation'][cluster]!],
    ] as const) {
      if (align && experts.some(({ weights }) => weights !== target && castChangesAlignment(weights, target, shape)))
        continue;
      const merged = atOnce(
        mergeGroup(
          experts.map(({ weights }) => weights),
          shape,
          group,
          align,
        ),
      );
      for (const matrix of ['gate', 'up', 'down'] as const) {
        expectClose(merged[matrix], theirs.weights[matrix], within, `cluster ${cluster}, align ${align}, ${matrix}`);
      }
    }
  });
};
