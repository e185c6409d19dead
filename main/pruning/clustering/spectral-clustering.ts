import type { UncurlOptions } from '../../contract/plan.ts';
import { seededRandom } from '../../statistics/random.ts';
import { byFirstAppearance } from './cluster-labels.ts';
import { clusterQr } from './cluster-qr.ts';
import { kernelKMeans } from './kernel-k-means.ts';
import { spectralEmbedding } from './spectral-embedding.ts';

/** `seed`: of the k-means starts, of which the one with least inertia wins; equal seeds give equal clusters. */
export type SpectralVariant = Pick<UncurlOptions, 'diagonal' | 'embedding' | 'assign' | 'starts'> & {
  readonly seed: number;
};

/**
 * Spectral clustering of n nodes into at most k clusters, deterministic. Labels by first appearance. k = n leaves every
 * node alone and k = 1 puts all together, whatever the affinity. With cluster-QR a degenerate affinity (equal rows) can
 * leave clusters without members: see `fillEmptyClusters`. Source: UNCURL, Sarkar et al. 2024, arXiv 2409.01483,
 * algorithm 1 (diagonal kept, k-means).
 */
export const spectralClusters = (
  affinity: Float64Array,
  n: number,
  k: number,
  variant: SpectralVariant,
): Int32Array => {
  if (k < 1 || k > n) throw new RangeError(`cannot make ${k} clusters of ${n} nodes`);
  if (k === n) return Int32Array.from({ length: n }, (_, node) => node);
  if (k === 1) return new Int32Array(n);
  const { vectors } = spectralEmbedding(affinity, n, k, variant);
  if (variant.assign === 'cluster-qr') return byFirstAppearance(clusterQr(vectors));
  // Inner products of rows are invariant to rotations of an eigenspace, and k-means needs nothing else.
  const gram = Float64Array.from(vectors.mmul(vectors.transpose()).to1DArray());
  return kernelKMeans(gram, n, k, seededRandom(variant.seed), variant.starts);
};
