/** A product of two row-major float64 matrices, a b, [rows, columns]. */
export interface Product {
  /** [rows, inner], or [inner, rows] where it is transposed. */
  readonly a: Float64Array;
  readonly isTransposed: boolean;
  /** [inner, columns]. */
  readonly b: Float64Array;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** Multiplies large matrices. */
export type Products = (request: Product) => Promise<Float64Array>;

/** Rows of b per inner loop: each number of the result is loaded and stored once for them. */
const AT_ONCE = 4;

/** a b in plain loops: about 1e9 multiplications a second. */
export const multiply = ({ a, isTransposed, b, rows, inner, columns }: Product): Float64Array => {
  const product = new Float64Array(rows * columns);
  const [rowStride, innerStride] = isTransposed ? [1, rows] : [inner, 1];
  const whole = inner - (inner % AT_ONCE);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const end = start + columns;
    let from = row * rowStride;
    for (let k = 0; k < whole; k += AT_ONCE, from += AT_ONCE * innerStride) {
      const a0 = a[from]!;
      const a1 = a[from + innerStride]!;
      const a2 = a[from + 2 * innerStride]!;
      const a3 = a[from + 3 * innerStride]!;
      for (let to = start, at = k * columns; to < end; to++, at++) {
        product[to]! += a0 * b[at]! + a1 * b[at + columns]! + a2 * b[at + 2 * columns]! + a3 * b[at + 3 * columns]!;
      }
    }
    for (let k = whole; k < inner; k++, from += innerStride) {
      const value = a[from]!;
      for (let to = start, at = k * columns; to < end; to++, at++) product[to]! += value * b[at]!;
    }
  }
  return product;
};
