import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { UncurlOptions } from '../../contract/plan.ts';

/** The graph that is cut, and the scaling of the eigenvectors before their rows are clustered. */
export type EmbeddingVariant = Pick<UncurlOptions, 'diagonal' | 'embedding'>;

export interface SpectralEmbedding {
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
