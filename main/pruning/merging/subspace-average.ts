import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { weightedAverage, type MergeInput } from './weighted-average.ts';

/**
 * Sub-MoE's merge truncated to `rank`: with [W_1 .. W_n] = U S [V_1 .. V_n]^T side by side, the result is
 * U_r S_r (sum share_i V_i,r)^T. As U_r S_r V_i,r^T = U_r U_r^T W_i, that is the weighted average projected onto the
 * `rank` leading left singular vectors, which are eigenvectors of sum W_i W_i^T; without truncation it is the average.
 * Source: Sub-MoE, arXiv 2506.23266, equations 5 to 8.
 */
export const subspaceAverage = (input: MergeInput, rank: number): Float64Array => {
  const average = weightedAverage(input);
  const { rows, matrices } = input;
  if (rank >= rows) return average;
  const columns = average.length / rows;
  const products = Matrix.zeros(rows, rows);
  for (const matrix of matrices) {
    const w = new Matrix(
      Array.from({ length: rows }, (_, row) => Array.from(matrix.subarray(row * columns, (row + 1) * columns))),
    );
    products.add(w.mmul(w.transpose()));
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(products, { assumeSymmetric: true });
  const leading = realEigenvalues
    .map((_, at) => at)
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!)
    .slice(0, rank);
  const basis = eigenvectorMatrix.subMatrixColumn(leading);
  const merged = Matrix.from1DArray(rows, columns, Array.from(average));
  return Float64Array.from(basis.mmul(basis.transpose().mmul(merged)).to1DArray());
};
