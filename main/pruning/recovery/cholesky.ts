import type { Steps } from './steps.ts';

/**
 * Lower triangle L of a symmetric positive definite [n, n] matrix, A = L L^T, in float64, row by row. Reads the lower
 * triangle only. Works on blocks of columns, so that the inner loops run along rows.
 *
 * @throws RangeError where the matrix is not positive definite: a ridge of 0 on data that does not span all unknowns.
 */
export function* cholesky(matrix: Float64Array, n: number): Steps<Float64Array> {
  const lower = matrix.slice();
  for (let first = 0; first < n; first += BLOCK) {
    const end = Math.min(first + BLOCK, n);
    factorPanel(lower, n, first, end);
    yield;
    subtractPanel(lower, n, first, end);
    yield;
  }
  for (let i = 0; i < n; i++) lower.fill(0, i * n + i + 1, (i + 1) * n);
  return lower;
}

/** Columns per block: a panel of 64 columns of the rows at work stays in the caches. */
const BLOCK = 64;

/** The block of columns [first, end): its own triangle, then the rows below; columns before are already subtracted. */
const factorPanel = (lower: Float64Array, n: number, first: number, end: number): void => {
  for (let i = first; i < n; i++) {
    const last = Math.min(i, end - 1);
    for (let j = first; j <= last; j++) {
      let sum = lower[i * n + j]!;
      for (let k = first, a = i * n + first, b = j * n + first; k < j; k++, a++, b++) sum -= lower[a]! * lower[b]!;
      if (i === j) {
        if (!(sum > 0)) throw new RangeError(`the matrix is not positive definite at row ${i}`);
        lower[i * n + i] = Math.sqrt(sum);
      } else {
        lower[i * n + j] = sum / lower[j * n + j]!;
      }
    }
  }
};

/** lower[i, j] -= panel_i . panel_j for all end <= j <= i, the panel being columns [first, end). Two by two. */
const subtractPanel = (lower: Float64Array, n: number, first: number, end: number): void => {
  const depth = end - first;
  for (let i = end; i < n; i += 2) {
    const pairI = i + 1 < n;
    for (let j = end; j <= i; j += 2) {
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      const pairJ = j + 1 < n;
      let a = i * n + first;
      let b = j * n + first;
      const nextA = pairI ? n : 0;
      const nextB = pairJ ? n : 0;
      for (let k = 0; k < depth; k++, a++, b++) {
        const a0 = lower[a]!;
        const a1 = lower[a + nextA]!;
        const b0 = lower[b]!;
        const b1 = lower[b + nextB]!;
        s00 += a0 * b0;
        s01 += a0 * b1;
        s10 += a1 * b0;
        s11 += a1 * b1;
      }
      lower[i * n + j]! -= s00;
      if (pairJ) lower[i * n + j + 1]! -= s01;
      if (pairI) lower[(i + 1) * n + j]! -= s10;
      if (pairI && pairJ) lower[(i + 1) * n + j + 1]! -= s11;
    }
  }
};

/** X of L L^T X = B in place of B: `right` is [n, columns], row-major. */
export function* solveCholesky(lower: Float64Array, n: number, right: Float64Array, columns: number): Steps<void> {
  for (let i = 0; i < n; i++) {
    subtractRows(right, i, 0, i, lower, i * n, 1, columns);
    scaleRow(right, i, 1 / lower[i * n + i]!, columns);
    if (i % BLOCK === BLOCK - 1) yield;
  }
  for (let i = n - 1; i >= 0; i--) {
    subtractRows(right, i, i + 1, n, lower, (i + 1) * n + i, n, columns);
    scaleRow(right, i, 1 / lower[i * n + i]!, columns);
    if (i % BLOCK === 0) yield;
  }
}

/** Row `to` -= sum over rows [first, end) of factor * row; factors lie in `lower` from `at` on, `stride` apart. Four at a time. */
const subtractRows = (
  matrix: Float64Array,
  to: number,
  first: number,
  end: number,
  lower: Float64Array,
  at: number,
  stride: number,
  columns: number,
): void => {
  const start = to * columns;
  const stop = start + columns;
  let row = first;
  let factor = at;
  for (; row + 3 < end; row += 4, factor += 4 * stride) {
    const f0 = lower[factor]!;
    const f1 = lower[factor + stride]!;
    const f2 = lower[factor + 2 * stride]!;
    const f3 = lower[factor + 3 * stride]!;
    for (let a = start, b = row * columns; a < stop; a++, b++) {
      matrix[a]! -=
        f0 * matrix[b]! + f1 * matrix[b + columns]! + f2 * matrix[b + 2 * columns]! + f3 * matrix[b + 3 * columns]!;
    }
  }
  for (; row < end; row++, factor += stride) {
    const value = lower[factor]!;
    for (let a = start, b = row * columns; a < stop; a++, b++) matrix[a]! -= value * matrix[b]!;
  }
};

const scaleRow = (matrix: Float64Array, row: number, factor: number, columns: number): void => {
  for (let c = 0, a = row * columns; c < columns; c++, a++) matrix[a]! *= factor;
};
