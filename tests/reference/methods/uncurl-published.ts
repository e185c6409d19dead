import { expect } from 'vitest';
import { z } from 'zod';
import { atOnce } from '../../main/arithmetic/at-once.ts';
import { isMergePlan, uncurlOptions } from '../../../main/contract/plan.ts';
import { expertAffinity } from '../../../main/pruning/clustering/affinity.ts';
import { spectralEmbedding } from '../../../main/pruning/clustering/spectral-clustering.ts';
import { alignExpert } from '../../../main/pruning/merging/align-experts.ts';
import { expertToKept, mergeGroup } from '../../../main/pruning/merging/merge-experts.ts';
import { statisticsFromLogits } from './statistics-from-logits.ts';
import { expectClose, float32, tensor, tolerance } from './vector-file.ts';
import { makePlan } from '../../main/pruning/plan-of-input.ts';

const matrices = z.object({ gate: tensor, up: tensor, down: tensor });
const file = z.object({
  params: z.object({ E: z.number(), D: z.number(), H: z.number(), I: z.number(), top_k: z.number() }),
  inputs: z.object({ logits: tensor, experts: z.array(matrices) }),
  expected: z.object({
    counts: z.array(z.number()),
    similarity: tensor,
    /** Eigenvalues of D^-1/2 S D^-1/2, decreasing: 1 minus those of the Laplacian. */
    eigenvalues: z.array(z.number()),
    embedding_gram: tensor,
    labels: z.array(z.number()),
    reference: z.array(z.number()),
    permutation: z.record(z.string(), z.array(z.number())),
    merged: z.array(matrices),
  }),
  tolerance,
});

/**
 * UNCURL by the algorithm in the paper, with the method's defaults: logits -> graph -> clusters -> references ->
 * aligned and merged experts.
 */
export const uncurlPublishedVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance: within } = file.parse(json);
  const { E, D, H, I, top_k: topK } = params;
  const statistics = statisticsFromLogits(inputs.logits, topK);
  expect([...statistics.counts], 'counts').toEqual(expected.counts);
  const defaults = uncurlOptions.parse({});
  const similarity = expertAffinity(defaults.affinity, statistics, 0);
  expectClose(similarity, expected.similarity.data, within, 'similarity');
  const { eigenvalues, vectors } = spectralEmbedding(similarity, E, D, defaults);
  expectClose(
    eigenvalues.slice(0, D).map((value) => 1 - value),
    expected.eigenvalues,
    within,
    'eigenvalues',
  );
  expectClose(
    vectors.mmul(vectors.transpose()).to1DArray(),
    expected.embedding_gram.data,
    within,
    'Gram matrix of the embedding',
  );

  const plan = makePlan({
    method: 'uncurl',
    statistics: [statistics],
    layers: 1,
    experts: E,
    topK,
    keep: D,
    budget: 'uniform',
    pins: [],
    seed: 0,
    options: { optimiser: 'lloyd' },
  });
  if (!isMergePlan(plan)) throw new Error('uncurl makes merge plans');
  const groups = plan.groups[0] ?? [];
  expect(Array.from(expertToKept(groups, E)), 'labels').toEqual(expected.labels);
  expect(
    groups.map(({ reference }) => reference),
    'references',
  ).toEqual(expected.reference);
  const shape = { hidden: H, width: I };
  const experts = inputs.experts.map(({ gate, up, down }) => ({
    gate: float32(gate),
    up: float32(up),
    down: float32(down),
  }));
  groups.forEach((group, kept) => {
    const { members, reference } = group;
    for (const member of members) {
      expect([...alignExpert(experts[member]!, experts[reference]!, shape)], `permutation of expert ${member}`).toEqual(
        expected.permutation[member],
      );
    }
    const merged = atOnce(
      mergeGroup(
        members.map((member) => experts[member]!),
        shape,
        group,
        plan.align,
        plan.rule,
      ),
    );
    for (const matrix of ['gate', 'up', 'down'] as const) {
      expectClose(merged[matrix], expected.merged[kept]![matrix].data, within, `merged expert ${kept}, ${matrix}`);
    }
  });
};
