import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { productOf, type Steps } from '../../arithmetic/steps.ts';
import { weightedAverage, type MergeInput } from './weighted-average.ts';

/**
 * Sub-MoE's merge truncated to `rank`: with [W_1 .. W_n] = U S [V_1 .. V_n]^T side by side, the result is U_r S_r (sum
 * share_i V_i,r)^T. As U_r S_r V_i,r^T = U_r U_r^T W_i, this is the weighted average projected onto the `rank` leading
 * left singular vectors, which are eigenvectors of sum W_i W_i^T; without truncation it is the average. Source:
 * Sub-MoE, arXiv 2506.23266, equations 5 to 8.
 */
export function* subspaceAverage(input: MergeInput, rank: number): Steps<Float64Array> {
  const average = weightedAverage(input);
  const { rows, matrices } = input;
  if (rank >= rows) return average;
  const columns = average.length / rows;
  const products = new Float64Array(rows * rows);
  for (const matrix of matrices) {
    const size = { rows, inner: columns, columns: rows };
    const across = transposed(matrix, rows, columns);
    const own = yield* productOf({ a: across, isTransposed: true, b: across, ...size });
    for (let at = 0; at < products.length; at++) products[at]! += own[at]!;
  }
  const basis = leadingVectors(products, rows, rank);
  const within = { rows: rank, inner: rows, columns };
  const coefficients = yield* productOf({ a: basis, isTransposed: true, b: average, ...within });
  return yield* productOf({ a: basis, isTransposed: false, b: coefficients, rows, inner: rank, columns });
}

/** [columns, rows] in float64. */
const transposed = (matrix: Float32Array, rows: number, columns: number): Float64Array => {
  const across = new Float64Array(matrix.length);
  for (let row = 0, from = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, from++) across[column * rows + row] = matrix[from]!;
  return across;
};

/** [rows, rank] eigenvectors of the largest eigenvalues of a symmetric matrix, by decreasing eigenvalue. */
const leadingVectors = (symmetric: Float64Array, rows: number, rank: number): Float64Array => {
  const matrix = new Matrix(
    Array.from({ length: rows }, (_, row) => Array.from(symmetric.subarray(row * rows, (row + 1) * rows))),
  );
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const leading = realEigenvalues
    .map((_, at) => at)
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!)
    .slice(0, rank);
  return Float64Array.from(eigenvectorMatrix.subMatrixColumn(leading).to1DArray());
};
