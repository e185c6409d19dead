import { cholesky, solveCholesky } from './cholesky.ts';
import {
  addProduct,
  meanDiagonal,
  productsOf,
  projectedOn,
  type Corrections,
  type ExpertFeatures,
  type RecoveryProblem,
} from './recovery-problem.ts';
import type { Steps } from '../../arithmetic/steps.ts';

/** Steps end when the remaining gradient, measured by the sweeps' own matrix, is below this fraction of the first. */
const TOLERANCE = 1e-7;
const MAX_STEPS = 500;

export interface GaussSeidelSettings {
  readonly tolerance?: number;
}

export interface GaussSeidelResult {
  readonly corrections: Corrections;
  readonly steps: number;
  /** Whether the corrections had converged when the steps ended. */
  readonly settled: boolean;
}

/** A problem's [I, I] products of each expert's features, from which every lambda is solved. */
export interface BlockEquations {
  readonly problem: RecoveryProblem;
  readonly products: readonly Float64Array[];
  readonly scale: number;
}

export function* blockEquations(problem: RecoveryProblem): Steps<BlockEquations> {
  const products = yield* eachExpert(problem.experts, (features) => productsOf(features, features, problem.width));
  return { problem, products, scale: meanDiagonal(problem) };
}

/** Applies `work` to every expert, yielding after each. */
function* eachExpert<T>(
  experts: readonly ExpertFeatures[],
  work: (features: ExpertFeatures, expert: number) => Steps<T>,
): Steps<T[]> {
  const made: T[] = [];
  for (const [expert, features] of experts.entries()) {
    made.push(yield* work(features, expert));
    yield;
  }
  return made;
}

/**
 * The same minimum as `solveJointly`, one expert after the other: each expert's [I, I] normal matrix is decomposed
 * once; a step sweeps through the experts and back, each solved for the remainder of the others, and conjugate
 * gradients accelerate the steps (plain sweeps need thousands where the ridge is small). Memory I^2 per expert and N *
 * d float64. Source: symmetric block Gauss-Seidel as a preconditioner, Golub and Van Loan 2013, sections 11.2 and 11.5.
 */
export function* solveByGaussSeidel(
  { problem, products, scale }: BlockEquations,
  lambda: number,
  { tolerance = TOLERANCE }: GaussSeidelSettings = {},
): Steps<GaussSeidelResult> {
  const { experts, width, hidden, residual } = problem;
  const ridge = lambda * scale;
  const zero = (): Float64Array[] => experts.map(() => new Float64Array(width * hidden));
  const corrections = zero();
  if (ridge === 0) return { corrections, steps: 0, settled: true };
  const factors: Float64Array[] = [];
  for (const block of products) {
    const ridged = block.slice();
    for (let k = 0; k < width; k++) ridged[k * width + k]! += ridge;
    factors.push(yield* cholesky(ridged, width));
  }
  const gradient = yield* eachExpert(experts, (features) => projectedOn(features, residual, width, hidden));
  const direction = zero();
  // features * direction, [N, d]: a by-product of the sweeps that saves a product.
  const along = new Float64Array(residual.length);
  let before: Float64Array = new Float64Array(hidden);
  let first: Float64Array | null = null;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { swept, product } = yield* sweepBothWays(experts, factors, gradient, width, hidden);
    const now = columnProducts(gradient, swept, hidden);
    first ??= now;
    if (now.every((value, column) => value <= tolerance ** 2 * first![column]!))
      return { corrections, steps: step, settled: true };
    const keep = now.map((value, column) => (before[column]! > 0 ? value / before[column]! : 0));
    direction.forEach((block, expert) => scaleAndAdd(block, keep, swept[expert]!));
    scaleAndAdd(along, keep, product);
    const pushed = yield* eachExpert(experts, function* (features, expert) {
      const block = yield* projectedOn(features, along, width, hidden);
      for (let k = 0; k < block.length; k++) block[k]! += ridge * direction[expert]![k]!;
      return block;
    });
    const curvature = columnProducts(direction, pushed, hidden);
    const length = now.map((value, column) => (curvature[column]! > 0 ? value / curvature[column]! : 0));
    corrections.forEach((block, expert) => addScaled(block, length, direction[expert]!, 1));
    gradient.forEach((block, expert) => addScaled(block, length, pushed[expert]!, -1));
    before = now;
  }
  return { corrections, steps: MAX_STEPS, settled: false };
}

/**
 * Experts in order, each solved for the remainder of `gradient` after the earlier ones, then in reverse; with the
 * product of all features with the result, [N, d].
 */
function* sweepBothWays(
  experts: readonly ExpertFeatures[],
  factors: readonly Float64Array[],
  gradient: readonly Float64Array[],
  width: number,
  hidden: number,
): Steps<{ readonly swept: Float64Array[]; readonly product: Float64Array }> {
  const rows = experts.reduce(
    (most, { tokens }) => Math.max(most, tokens.length > 0 ? tokens[tokens.length - 1]! + 1 : 0),
    0,
  );
  const seen = new Float64Array(rows * hidden);
  const swept: Float64Array[] = [];
  for (const [expert, features] of experts.entries()) {
    const block = gradient[expert]!.slice();
    subtract(block, yield* projectedOn(features, seen, width, hidden));
    yield* solveCholesky(factors[expert]!, width, block, hidden);
    yield* addProduct(seen, features, block, width, hidden, 1);
    swept.push(block);
    yield;
  }
  const product = new Float64Array(seen.length);
  for (let expert = experts.length - 1; expert >= 0; expert--) {
    const features = experts[expert]!;
    const later = yield* projectedOn(features, product, width, hidden);
    yield* solveCholesky(factors[expert]!, width, later, hidden);
    subtract(swept[expert]!, later);
    yield* addProduct(product, features, swept[expert]!, width, hidden, 1);
    yield;
  }
  return { swept, product };
}

const subtract = (from: Float64Array, values: Float64Array): void => {
  for (let k = 0; k < from.length; k++) from[k]! -= values[k]!;
};

/** Inner product of each of the d columns over all blocks [I, d]. */
const columnProducts = (a: readonly Float64Array[], b: readonly Float64Array[], hidden: number): Float64Array => {
  const sums = new Float64Array(hidden);
  a.forEach((block, expert) => {
    const other = b[expert]!;
    for (let k = 0; k < block.length; k += hidden)
      for (let h = 0; h < hidden; h++) sums[h]! += block[k + h]! * other[k + h]!;
  });
  return sums;
};

/** to = to * factors + values, a factor per column. `values` may be shorter: the rest counts as 0. */
const scaleAndAdd = (to: Float64Array, factors: Float64Array, values: Float64Array): void => {
  const columns = factors.length;
  for (let k = 0; k < to.length; k += columns)
    for (let h = 0; h < columns; h++) to[k + h] = to[k + h]! * factors[h]! + (values[k + h] ?? 0);
};

/** to += sign * factors * values, a factor per column. */
const addScaled = (to: Float64Array, factors: Float64Array, values: Float64Array, sign: 1 | -1): void => {
  const columns = factors.length;
  for (let k = 0; k < to.length; k += columns)
    for (let h = 0; h < columns; h++) to[k + h]! += sign * factors[h]! * values[k + h]!;
};
