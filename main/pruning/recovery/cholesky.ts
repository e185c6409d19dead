import { productOf, type Steps } from '../../arithmetic/steps.ts';

/**
 * Lower triangle L of a symmetric positive definite [n, n] matrix, A = L L^T, in float64. Reads the lower triangle
 * only. Works on blocks of columns: the update of the rest by a block is a product.
 *
 * @throws RangeError where the matrix is not positive definite: a ridge of 0 on data that does not span all unknowns.
 */
export function* cholesky(matrix: Float64Array, n: number): Steps<Float64Array> {
  const lower = matrix.slice();
  for (let first = 0; first < n; first += BLOCK) {
    const end = Math.min(first + BLOCK, n);
    factorTriangle(lower, n, first, end);
    yield* subtractPanel(lower, n, end, yield* factorBelow(lower, n, first, end));
    yield;
  }
  for (let i = 0; i < n; i++) lower.fill(0, i * n + i + 1, (i + 1) * n);
  return lower;
}

/** Columns per block: a panel of 64 columns of the current rows stays in the caches. */
const BLOCK = 64;

/** Factors the triangle of the columns [first, end) in place; earlier columns are already subtracted. */
const factorTriangle = (lower: Float64Array, n: number, first: number, end: number): void => {
  for (let i = first; i < end; i++) {
    for (let j = first; j <= i; j++) {
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

/** The rows below the triangle, in place and as [n - end, end - first]: a product with the triangle's inverse. */
function* factorBelow(lower: Float64Array, n: number, first: number, end: number): Steps<Float64Array> {
  const inner = end - first;
  const size = { rows: n - end, inner, columns: inner };
  const a = columnsOf(lower, n, end, n, first, end);
  const panel = yield* productOf({ a, isTransposed: false, b: transposedInverse(lower, n, first, end), ...size });
  for (let row = 0; row < size.rows; row++)
    lower.set(panel.subarray(row * inner, (row + 1) * inner), (end + row) * n + first);
  return panel;
}

/** The inverse of the triangle at [first, end), transposed. */
const transposedInverse = (lower: Float64Array, n: number, first: number, end: number): Float64Array => {
  const size = end - first;
  const inverse = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    for (let j = k; j < size; j++) {
      let sum = j === k ? 1 : 0;
      for (let m = k; m < j; m++) sum -= lower[(first + j) * n + first + m]! * inverse[k * size + m]!;
      inverse[k * size + j] = sum / lower[(first + j) * n + first + j]!;
    }
  }
  return inverse;
};

/** Rows of the trailing update at a time: the part to their right in the strip is skipped. */
const STRIP = 512;

/** lower[i, j] -= panel_i . panel_j for all end <= j <= i; the panel has a row for each row from `end` on. */
function* subtractPanel(lower: Float64Array, n: number, end: number, panel: Float64Array): Steps<void> {
  const inner = n > end ? panel.length / (n - end) : 0;
  for (let top = end; top < n; top += STRIP) {
    const bottom = Math.min(top + STRIP, n);
    const columns = bottom - end;
    const across = new Float64Array(inner * columns);
    for (let row = 0, from = 0; row < columns; row++)
      for (let k = 0; k < inner; k++, from++) across[k * columns + row] = panel[from]!;
    const a = panel.subarray((top - end) * inner, (bottom - end) * inner);
    const product = yield* productOf({ a, isTransposed: false, b: across, rows: bottom - top, inner, columns });
    for (let i = top; i < bottom; i++)
      for (let to = i * n + end, from = (i - top) * columns; to <= i * n + i; to++, from++)
        lower[to]! -= product[from]!;
  }
}

/** Copies rows [top, bottom) and columns [left, right) of an [n, n] matrix. */
const columnsOf = (
  matrix: Float64Array,
  n: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
): Float64Array => {
  const width = right - left;
  const part = new Float64Array((bottom - top) * width);
  for (let row = top; row < bottom; row++)
    part.set(matrix.subarray(row * n + left, row * n + right), (row - top) * width);
  return part;
};

/**
 * X of L L^T X = B in place of B: `right` is [n, columns], row-major. Block by block: the update of a block by the
 * solved rows is one product, and only the block's own triangle is solved in loops.
 */
export function* solveCholesky(lower: Float64Array, n: number, right: Float64Array, columns: number): Steps<void> {
  for (let first = 0; first < n; first += BLOCK) {
    const end = Math.min(first + BLOCK, n);
    const size = { rows: end - first, inner: first, columns };
    const a = columnsOf(lower, n, first, end, 0, first);
    const taken = yield* productOf({ a, isTransposed: false, b: right.subarray(0, first * columns), ...size });
    subtractFrom(right, first * columns, taken);
    for (let i = first; i < end; i++) {
      subtractRows(right, i, first, i, lower, i * n + first, 1, columns);
      scaleRow(right, i, 1 / lower[i * n + i]!, columns);
    }
    yield;
  }
  for (let first = BLOCK * Math.floor((n - 1) / BLOCK); first >= 0; first -= BLOCK) {
    const end = Math.min(first + BLOCK, n);
    const size = { rows: end - first, inner: n - end, columns };
    const a = columnsOf(lower, n, end, n, first, end);
    const taken = yield* productOf({ a, isTransposed: true, b: right.subarray(end * columns), ...size });
    subtractFrom(right, first * columns, taken);
    for (let i = end - 1; i >= first; i--) {
      subtractRows(right, i, i + 1, end, lower, (i + 1) * n + i, n, columns);
      scaleRow(right, i, 1 / lower[i * n + i]!, columns);
    }
    yield;
  }
}

const subtractFrom = (to: Float64Array, start: number, values: Float64Array): void => {
  for (let at = 0; at < values.length; at++) to[start + at]! -= values[at]!;
};

/**
 * Row `to` -= sum over rows [first, end) of factor * row; factors lie in `lower` from `at` on, `stride` apart. Four at
 * a time.
 */
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
