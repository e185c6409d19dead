import { type Matrix, SingularValueDecomposition } from 'ml-matrix';

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
export const pivotRows = (vectors: Matrix): number[] => {
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

const dot = (a: readonly number[], b: readonly number[]): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
};
