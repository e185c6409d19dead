import { productOf, type Steps } from '../../arithmetic/steps.ts';
import { cholesky, solveCholesky } from '../recovery/cholesky.ts';

/**
 * Sums over tokens from which the down projection of a merged expert follows: P its inner activations [n, I], Y the
 * weighted mean of its members' outputs [n, H]. All float64.
 */
export interface MemberFit {
  readonly width: number;
  readonly hidden: number;
  /** [I, I] P^T P. */
  readonly products: Float64Array;
  /** [I, H] P^T Y. */
  readonly right: Float64Array;
  /** Sum of squares of Y. */
  squares: number;
}

export const emptyFit = (width: number, hidden: number): MemberFit => ({
  width,
  hidden,
  products: new Float64Array(width * width),
  right: new Float64Array(width * hidden),
  squares: 0,
});

const addTo = (sums: Float64Array, values: Float64Array): void => {
  for (let at = 0; at < sums.length; at++) sums[at]! += values[at]!;
};

/** Adds n tokens: `inner` [n, I] and `wanted` [n, H]. */
export function* addTokens(fit: MemberFit, inner: Float64Array, wanted: Float64Array): Steps<void> {
  const { width, hidden } = fit;
  const tokens = inner.length / width;
  if (wanted.length !== tokens * hidden)
    throw new RangeError(`${wanted.length} outputs for ${tokens} tokens of ${hidden} numbers`);
  const request = { a: inner, isTransposed: true, rows: width, inner: tokens };
  addTo(fit.products, yield* productOf({ ...request, b: inner, columns: width }));
  addTo(fit.right, yield* productOf({ ...request, b: wanted, columns: hidden }));
  for (const value of wanted) fit.squares += value * value;
}

/** The sums of the tokens of both. */
export const joinFits = (a: MemberFit, b: MemberFit): MemberFit => ({
  ...a,
  products: a.products.map((value, at) => value + b.products[at]!),
  right: a.right.map((value, at) => value + b.right[at]!),
  squares: a.squares + b.squares,
});

/**
 * The D [I, H] that minimises |Y - P D|^2 + ridge * mean(diag(P^T P)) * |D|^2; as the ridge falls to 0 it becomes the
 * solution by the Moore-Penrose pseudoinverse of P. 0 without tokens. Source: Miao et al. 2025, arXiv 2510.14436,
 * equation 6 times the members' down projections.
 */
export function* solveFit({ width, hidden, products, right }: MemberFit, ridge: number): Steps<Float64Array> {
  let diagonal = 0;
  for (let at = 0; at < width; at++) diagonal += products[at * width + at]!;
  if (diagonal === 0) return new Float64Array(width * hidden);
  const ridged = products.slice();
  for (let at = 0; at < width; at++) ridged[at * width + at]! += (ridge * diagonal) / width;
  const solution = right.slice();
  yield* solveCholesky(yield* cholesky(ridged, width), width, solution, hidden);
  return solution;
}

/** |Y - P D|^2 of a down projection D [I, H]; rounding may not make it negative. */
export function* fitError({ width, hidden, products, right, squares }: MemberFit, down: Float64Array): Steps<number> {
  const product = yield* productOf({
    a: products,
    isTransposed: false,
    b: down,
    rows: width,
    inner: width,
    columns: hidden,
  });
  let error = squares;
  for (let at = 0; at < down.length; at++) error += down[at]! * (product[at]! - 2 * right[at]!);
  return Math.max(0, error);
}
