import { expect } from 'vitest';
import { z } from 'zod';
import type { AffinityName } from '../../../main/contract/plan.ts';
import { expertAffinity } from '../../../main/pruning/clustering/affinity.ts';
import { spectralClusters, spectralEmbedding } from '../../../main/pruning/clustering/spectral-clustering.ts';
import { statisticsFromLogits } from './statistics-from-logits.ts';
import { expectClose, tensor } from './vector-file.ts';

/** Affinities as named in the files. */
const affinityNames: Readonly<Record<string, AffinityName>> = {
  cosine01: 'cosine',
  pearson_relu: 'pearson',
  rbf_median_unit_columns: 'rbf',
  softmax_cosine: 'softmax-cosine',
  'coactivation_counts_plus_1e-3': 'coactivation',
};

/** Conventions of the files: scikit-learn's graph without self loops, and its deterministic assignment. */
const scikitLearn = {
  diagonal: 'excluded',
  embedding: 'degree',
  assign: 'cluster-qr',
  optimiser: 'lloyd',
  starts: 20,
  seed: 0,
} as const;

const file = z.object({
  params: z.object({ E: z.number(), K: z.number() }),
  inputs: z.object({ router_logits: tensor }),
  expected: z.record(
    z.string(),
    z.object({
      affinity: tensor,
      normalized_laplacian_eigenvalues: tensor,
      by_k: z.record(
        z.string(),
        z.object({
          cluster_qr: z.array(z.number()),
          robust: z.boolean(),
          embedding_first_k_sign_fixed: tensor.optional(),
        }),
      ),
    }),
  ),
  tolerance: z.object({ affinity_rtol: z.number(), eigenvalues_atol: z.number() }),
});

/** The files give no tolerance for eigenvectors; this is the float64 accuracy at the eigengaps involved. */
const embeddingTolerance = { rtol: 0, atol: 1e-6 };

/** Router logits -> affinities -> eigenvalues, embedding and labels of sklearn's cluster_qr. */
export const spectralClusteringVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance } = file.parse(json);
  const statistics = statisticsFromLogits(inputs.router_logits, params.K);
  for (const [name, theirs] of Object.entries(expected)) {
    const known = affinityNames[name];
    if (known === undefined) throw new Error(`no affinity is called ${name}`);
    const affinity = expertAffinity(known, statistics, 0);
    expectClose(affinity, theirs.affinity.data, { rtol: tolerance.affinity_rtol, atol: 1e-12 }, `affinity ${name}`);
    const { eigenvalues } = spectralEmbedding(affinity, params.E, 1, scikitLearn);
    const eigenvalueTolerance = { rtol: 0, atol: tolerance.eigenvalues_atol };
    expectClose(eigenvalues, theirs.normalized_laplacian_eigenvalues.data, eigenvalueTolerance, `eigenvalues ${name}`);
    for (const [k, { cluster_qr, robust, embedding_first_k_sign_fixed: embedding }] of Object.entries(theirs.by_k)) {
      const labels = spectralClusters(affinity, params.E, Number(k), scikitLearn);
      if (robust) expect([...labels], `${name}, ${k} clusters`).toEqual(cluster_qr);
      if (embedding) {
        const { vectors } = spectralEmbedding(affinity, params.E, Number(k), scikitLearn);
        expectClose(vectors.to1DArray(), embedding.data, embeddingTolerance, `embedding ${name}, ${k}`);
      }
    }
  }
};
