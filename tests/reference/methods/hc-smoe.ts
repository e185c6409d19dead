import { expect } from 'vitest';
import { z } from 'zod';
import { pairwiseDistances } from '../../../main/pruning/clustering/distances.ts';
import { cutLinkage, linkage, linkageNames } from '../../../main/pruning/clustering/linkage.ts';
import { emptyRoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { isMergePlan } from '../../../main/contract/plan.ts';
import { float64, tensor } from './vector-file.ts';
import { makePlan } from '../../main/pruning/plan-of-input.ts';

const labelled = z.record(z.string(), z.object({ labels: z.array(z.number()), dominant: z.array(z.number()) }));
const file = z.object({
  inputs: z.object({ expert_mean_outputs: tensor }),
  expected: z.object({
    hierarchical: z.object({ single: labelled, average: labelled }),
    scipy_textbook_labels: z.record(z.string(), z.record(z.string(), z.array(z.number()))),
  }),
});

/**
 * Mean outputs of experts -> clusters and dominant experts. The repository's `complete` and `ward` do not match their
 * names (it joins the farthest pair, and does not square distances), so scipy's textbook labels are checked instead.
 * Its k-means is not checked, because its labels depend on a random start.
 */
export const hcSmoeVectors = (json: unknown): void => {
  const { inputs, expected } = file.parse(json);
  const [experts = 0, hidden = 0] = inputs.expert_mean_outputs.shape;
  const means = float64(inputs.expert_mean_outputs);
  for (const name of linkageNames) {
    const merges = linkage(pairwiseDistances('euclidean', means, experts), experts, name);
    for (const [k, theirs] of Object.entries(expected.scipy_textbook_labels[name] ?? {})) {
      expect([...cutLinkage(merges, experts, Number(k))], `scipy ${name}, ${k}`).toEqual(theirs);
    }
  }
  const statistics = {
    ...emptyRoutingStatistics(1, experts, 1),
    tokens: 1,
    outputs: {
      hidden,
      routedSum: new Float64Array(experts * hidden),
      everywhere: { sum: means, cosineSum: new Float64Array(experts * experts) },
    },
  };
  for (const name of ['single', 'average'] as const) {
    for (const [k, { labels, dominant }] of Object.entries(expected.hierarchical[name])) {
      const plan = makePlan({
        method: 'hc-smoe',
        options: { linkage: name },
        statistics: [statistics],
        layers: 1,
        experts,
        topK: 1,
        keep: Number(k),
        budget: 'uniform',
        pins: [],
        seed: 0,
      });
      if (!isMergePlan(plan)) throw new Error('hc-smoe merges');
      const groups = plan.groups[0]!;
      groups.forEach(({ members }, label) => {
        expect(
          members.map((member) => labels[member]),
          `${name}, ${k}`,
        ).toEqual(members.map(() => label));
      });
      groups.forEach(({ members, reference }, label) => {
        // Both members of a pair are equally near to their mean; in the file, rounding decides.
        const nearest = members.length === 2 ? members : [reference];
        expect(nearest, `dominant of cluster ${label} of ${name}, ${k}`).toContain(dominant[label]);
      });
    }
  }
};
