import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export interface SpectralEmbedding {
  /** All n eigenvalues of the normalised Laplacian, rising. */
  readonly eigenvalues: readonly number[];
  /** [n, k]: the k eigenvectors of the smallest eigenvalues, the trivial one included, each entry over sqrt(degree). */
  readonly vectors: Matrix;
}

/**
 * Embedding of normalised-cut spectral clustering as scikit-learn computes it: degrees d_i without the diagonal,
 * L = I - D^-1/2 A D^-1/2 with unit diagonal, sign fixed so that each column's entry of largest magnitude is positive.
 * An isolated node counts as degree 1. `affinity` is [n, n], symmetric, non-negative.
 * Source: Shi and Malik 2000; von Luxburg 2007, section 5.2; sklearn.manifold.spectral_embedding.
 */
export const spectralEmbedding = (affinity: Float64Array, n: number, k: number): SpectralEmbedding => {
  const roots = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let degree = 0;
    for (let j = 0; j < n; j++) if (j !== i) degree += affinity[i * n + j]!;
    roots[i] = degree > 0 ? Math.sqrt(degree) : 1;
  }
  const laplacian = Matrix.zeros(n, n);
  for (let i = 0; i < n; i++) {
    laplacian.set(i, i, 1);
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
  for (let column = 0; column < k; column++) {
    let largest = 0;
    for (let i = 0; i < n; i++) {
      const value = eigenvectorMatrix.get(i, order[column]!) / roots[i]!;
      vectors.set(i, column, value);
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    if (largest < 0) vectors.mulColumn(column, -1);
  }
  return { eigenvalues: order.map((at) => realEigenvalues[at]!), vectors };
};
