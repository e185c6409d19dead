import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import type { UncurlOptions } from '../../contract/plan.ts';
import { seededRandom } from '../../statistics/random.ts';
import { dot } from '../../arithmetic/vectors.ts';
import { byFirstAppearance } from './cluster-labels.ts';
import { kernelKMeans } from './kernel-k-means.ts';

/** `seed`: of the k-means starts, of which the one with least inertia wins; equal seeds give equal clusters. */
export type SpectralVariant = Pick<UncurlOptions, 'diagonal' | 'embedding' | 'assign' | 'optimiser' | 'starts'> & {
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
  return kernelKMeans(gram, n, k, seededRandom(variant.seed), {
    restarts: variant.starts,
    optimiser: variant.optimiser,
  });
};

/** The graph that is cut, and the scaling of the eigenvectors before their rows are clustered. */
export type EmbeddingVariant = Pick<UncurlOptions, 'diagonal' | 'embedding'>;

interface SpectralEmbedding {
  /** All n eigenvalues of the normalised Laplacian, ascending. */
  readonly eigenvalues: readonly number[];
  /** [n, k]: the k eigenvectors of the smallest eigenvalues, including the trivial one, scaled as the variant says. */
  readonly vectors: Matrix;
}

/**
 * Spectral embedding of a graph by its normalised Laplacian L = I - D^-1/2 A D^-1/2, sign fixed so that each column's
 * entry of largest magnitude is positive. `affinity` A is [n, n], symmetric, non-negative. With the diagonal `kept`,
 * self loops are edges like all others and count in the degrees; `excluded`, they are treated as 0, as in scikit-learn.
 * The eigenvectors' entries are divided by sqrt(degree) (`degree`), their rows normalised to length 1 (`unit-rows`), or
 * left unscaled (`plain`). A node without any edge counts as degree 1. Source: Ng, Jordan and Weiss 2001 (unit-rows);
 * Shi and Malik 2000, von Luxburg 2007, section 5.2 (degree); sklearn.manifold.spectral_embedding (degree, diagonal
 * excluded).
 */
export const spectralEmbedding = (
  affinity: Float64Array,
  n: number,
  k: number,
  { diagonal, embedding }: EmbeddingVariant,
): SpectralEmbedding => {
  const hasLoops = diagonal === 'kept';
  const roots = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let degree = 0;
    for (let j = 0; j < n; j++) if (hasLoops || j !== i) degree += affinity[i * n + j]!;
    roots[i] = degree > 0 ? Math.sqrt(degree) : 1;
  }
  const laplacian = Matrix.zeros(n, n);
  for (let i = 0; i < n; i++) {
    laplacian.set(i, i, 1 - (hasLoops ? affinity[i * n + i]! / roots[i]! ** 2 : 0));
    for (let j = 0; j < i; j++) {
      // The mean of both triangles: rounding must not make the matrix asymmetric.
      const mean = (affinity[i * n + j]! + affinity[j * n + i]!) / 2;
      const value = -mean / (roots[i]! * roots[j]!);
      laplacian.set(i, j, value);
      laplacian.set(j, i, value);
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(laplacian, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, at) => at).sort((a, b) => realEigenvalues[a]! - realEigenvalues[b]! || a - b);
  const vectors = Matrix.zeros(n, k);
  for (let i = 0; i < n; i++) {
    const row = Array.from({ length: k }, (_, column) => eigenvectorMatrix.get(i, order[column]!));
    const scale = scaleOf(embedding, row, roots[i]!);
    row.forEach((value, column) => vectors.set(i, column, value / scale));
  }
  for (let column = 0; column < k; column++) {
    const entries = vectors.getColumn(column);
    const largest = entries.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    if (largest < 0) vectors.mulColumn(column, -1);
  }
  return { eigenvalues: order.map((at) => realEigenvalues[at]!), vectors };
};

/** Divisor of a node's row of the eigenvectors; a row of zeros is unchanged. */
const scaleOf = (embedding: EmbeddingVariant['embedding'], row: readonly number[], root: number): number => {
  switch (embedding) {
    case 'degree':
      return root;
    case 'unit-rows':
      return Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
    case 'plain':
      return 1;
  }
};

/** Rows of the embedding shorter than this fraction of the longest are rounding: the node has no connections. */
const NEGLIGIBLE = 1e-10;

/**
 * Cluster of each row of an [n, k] embedding, deterministic: column-pivoted QR of V^T chooses k rows that span the
 * embedding best; the orthogonal polar factor of those rows rotates V so that each row's largest magnitude names its
 * cluster. Labels 0 .. k - 1 in pivot order; ties go to the lower index. A node without any connection has no direction
 * and joins the first pivot's cluster (elsewhere rounding decides). Source: Damle, Minden and Ying 2019,
 * doi:10.1093/imaiai/iay008; sklearn.cluster cluster_qr.
 */
export const clusterQr = (vectors: Matrix): Int32Array => {
  const pivots = pivotRows(vectors);
  const chosen = vectors.subMatrixRow(pivots).transpose();
  const decomposition = new SingularValueDecomposition(chosen, { autoTranspose: true });
  const rotation = decomposition.leftSingularVectors.mmul(decomposition.rightSingularVectors.transpose());
  const turned = vectors.mmul(rotation);
  const longest = Math.max(Math.abs(turned.max()), Math.abs(turned.min()));
  return Int32Array.from({ length: turned.rows }, (_, row) => {
    let label = 0;
    if (turned.getRow(row).every((value) => Math.abs(value) <= NEGLIGIBLE * longest)) return label;
    for (let column = 1; column < turned.columns; column++) {
      if (Math.abs(turned.get(row, column)) > Math.abs(turned.get(row, label))) label = column;
    }
    return label;
  });
};

/**
 * The first k pivots of the QR decomposition of V^T with column pivoting, by modified Gram-Schmidt on the rows of V;
 * the remaining norms are recomputed at each step instead of downdated, which avoids cancellation.
 */
const pivotRows = (vectors: Matrix): number[] => {
  const { rows: n, columns: k } = vectors;
  const rest = vectors.to2DArray();
  const pivots: number[] = [];
  for (let step = 0; step < k; step++) {
    let pivot = -1;
    let largest = -1;
    for (let row = 0; row < n; row++) {
      if (pivots.includes(row)) continue;
      const squared = dot(rest[row]!, rest[row]!);
      if (squared > largest) {
        largest = squared;
        pivot = row;
      }
    }
    pivots.push(pivot);
    if (largest <= 0) continue;
    const length = Math.sqrt(largest);
    const direction = rest[pivot]!.map((value) => value / length);
    for (const row of rest) {
      const along = dot(row, direction);
      for (let column = 0; column < k; column++) row[column]! -= along * direction[column]!;
    }
  }
  return pivots;
};
