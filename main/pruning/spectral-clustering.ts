import { clusterQr } from './cluster-qr.ts';
import { spectralEmbedding } from './spectral-embedding.ts';

/**
 * Normalised-cut spectral clustering of n nodes into at most k clusters, deterministic. Labels are numbered by first
 * appearance. k = n leaves every node alone and k = 1 puts all together, whatever the affinity. A degenerate affinity
 * (equal rows) can leave clusters without members: see `fillEmptyClusters`.
 */
export const spectralClusters = (affinity: Float64Array, n: number, k: number): Int32Array => {
  if (k < 1 || k > n) throw new RangeError(`cannot make ${k} clusters of ${n} nodes`);
  if (k === n) return Int32Array.from({ length: n }, (_, node) => node);
  if (k === 1) return new Int32Array(n);
  return byFirstAppearance(clusterQr(spectralEmbedding(affinity, n, k).vectors));
};

/** The same partition with labels in the order in which they first appear. */
export const byFirstAppearance = (labels: Int32Array): Int32Array => {
  const names = new Map<number, number>();
  return labels.map((label) => {
    const name = names.get(label) ?? names.size;
    names.set(label, name);
    return name;
  });
};
