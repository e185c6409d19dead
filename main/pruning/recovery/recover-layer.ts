import { cholesky, solveCholesky } from './cholesky.ts';
import {
  meanDiagonal,
  productsOf,
  projectedOn,
  type Corrections,
  type RecoveryProblem,
  remainder,
  restrictProblem,
  sumOfSquares,
} from './recovery-problem.ts';
import type { Steps } from '../../arithmetic/steps.ts';
import { minOf } from '../../statistics/extremes.ts';
import { blockEquations, solveByGaussSeidel } from './gauss-seidel-ridge.ts';

/** A problem's normal equations, from which every lambda is solved: [nI, nI] and [nI, d] float64. */
interface NormalEquations {
  readonly unknowns: number;
  readonly width: number;
  readonly hidden: number;
  readonly products: Float64Array;
  readonly right: Float64Array;
  readonly scale: number;
}

export function* normalEquations(problem: RecoveryProblem): Steps<NormalEquations> {
  const { experts, width, hidden, residual } = problem;
  const unknowns = experts.length * width;
  const products = new Float64Array(unknowns * unknowns);
  const right = new Float64Array(unknowns * hidden);
  for (const [i, a] of experts.entries()) {
    right.set(yield* projectedOn(a, residual, width, hidden), i * width * hidden);
    for (let j = 0; j <= i; j++) {
      const block = yield* productsOf(a, experts[j]!, width);
      for (let row = 0; row < width; row++) {
        products.set(block.subarray(row * width, (row + 1) * width), (i * width + row) * unknowns + j * width);
      }
    }
    yield;
  }
  return { unknowns, width, hidden, products, right, scale: meanDiagonal(problem) };
}

/**
 * All experts' corrections at once: the D that minimises |R - Phi D|^2 + lambda * mean(diag(Phi^T Phi)) * |D|^2, by
 * Cholesky decomposition in float64. Time O((nI)^3), memory 16 (nI)^2 bytes.
 */
export function* solveJointly(
  { unknowns, width, hidden, products, right, scale }: NormalEquations,
  lambda: number,
): Steps<Corrections> {
  const blocks = unknowns / width;
  if (scale === 0) return Array.from({ length: blocks }, () => new Float64Array(width * hidden));
  const ridged = products.slice();
  for (let k = 0; k < unknowns; k++) ridged[k * unknowns + k]! += lambda * scale;
  const solution = right.slice();
  yield* solveCholesky(yield* cholesky(ridged, unknowns), unknowns, solution, hidden);
  return Array.from({ length: blocks }, (_, block) =>
    solution.slice(block * width * hidden, (block + 1) * width * hidden),
  );
}

/** Candidate ridges, as fractions of the mean squared length of a feature. */
export const LAMBDAS = [1, 0.1, 0.01, 0.001] as const;
/** Unknowns per output up to which all experts are solved jointly: a 32 MB matrix, seconds to decompose. */
const MOST_JOINT_UNKNOWNS = 2048;

/**
 * Convergence of iterated solutions: for the fit, until rounding to 16 bits gives the same weights as exact solutions;
 * for choosing lambda, far less.
 */
const FIT_TOLERANCE = 1e-12;
const CHOICE_TOLERANCE = 1e-4;

/** Corrections of a problem at any lambda. */
type Fitter = (part: RecoveryProblem, tolerance: number) => Steps<(lambda: number) => Steps<Corrections>>;

export interface LayerRecovery {
  readonly corrections: Corrections;
  readonly lambda: number;
  /** Tokens of the fit, and unknowns per output number (n * I): with fewer tokens than unknowns the ridge decides. */
  readonly tokens: number;
  readonly unknowns: number;
  /** Sum of squares of the residual before, and of the remaining one on the tokens of the fit. */
  readonly before: number;
  readonly after: number;
  /** Fraction of the residual's squares that remains on held-out items, at the chosen lambda; 1: nothing gained. */
  readonly heldOut: number;
  readonly solver: 'joint' | 'gauss-seidel';
}

/**
 * Refit of one layer's down projections: lambda by two-fold cross-validation over items (even and odd items predict
 * each other), then the fit on all of them. Where no lambda reduces the held-out residual, the corrections are 0.
 * Experts that no token chose are unchanged.
 */
export function* recoverLayer(whole: RecoveryProblem, mostJointUnknowns = MOST_JOINT_UNKNOWNS): Steps<LayerRecovery> {
  const used = [...whole.experts.keys()].filter((expert) => whole.experts[expert]!.tokens.length > 0);
  const recovery = yield* recoverUsed(
    { ...whole, experts: used.map((expert) => whole.experts[expert]!) },
    mostJointUnknowns,
  );
  const corrections = whole.experts.map(
    (_, expert) => recovery.corrections[used.indexOf(expert)] ?? new Float64Array(whole.width * whole.hidden),
  );
  return { ...recovery, corrections };
}

function* recoverUsed(problem: RecoveryProblem, mostJointUnknowns: number): Steps<LayerRecovery> {
  const { experts, width, residual } = problem;
  const unknowns = experts.length * width;
  const solver = unknowns <= mostJointUnknowns ? 'joint' : 'gauss-seidel';
  const fitter = solver === 'joint' ? jointFitter : seidelFitter;
  const before = sumOfSquares(residual);
  const { lambda, heldOut } = before === 0 ? NOTHING_GAINED : yield* chooseLambda(problem, fitter);
  const corrections =
    lambda === Infinity
      ? experts.map(() => new Float64Array(width * problem.hidden))
      : yield* (yield* fitter(problem, FIT_TOLERANCE))(lambda);
  const rest = yield* remainder(problem, corrections);
  return {
    corrections,
    lambda,
    tokens: problem.items.length,
    unknowns,
    before,
    after: sumOfSquares(rest),
    heldOut,
    solver,
  };
}

const jointFitter: Fitter = function* (part) {
  const equations = yield* normalEquations(part);
  return (lambda) => solveJointly(equations, lambda);
};

const seidelFitter: Fitter = function* (part, tolerance) {
  const blocks = yield* blockEquations(part);
  return function* (lambda) {
    return (yield* solveByGaussSeidel(blocks, lambda, { tolerance })).corrections;
  };
};

/** A layer that stays unchanged. */
const NOTHING_GAINED = { lambda: Infinity, heldOut: 1 } as const;

/**
 * The lambda with the least held-out residual, and the remaining fraction; infinity (no correction) is one of the
 * candidates.
 */
function* chooseLambda(
  problem: RecoveryProblem,
  fitter: Fitter,
): Steps<{ readonly lambda: number; readonly heldOut: number }> {
  const ordinals = new Map<number, number>();
  for (const item of problem.items) if (!ordinals.has(item)) ordinals.set(item, ordinals.size);
  const fold = (token: number): number => (ordinals.get(problem.items[token]!) ?? 0) % 2;
  const left = LAMBDAS.map(() => 0);
  let nothing = 0;
  for (const side of [0, 1]) {
    const fit = yield* fitter(
      restrictProblem(problem, (token) => fold(token) === side),
      CHOICE_TOLERANCE,
    );
    const held = restrictProblem(problem, (token) => fold(token) !== side);
    nothing += sumOfSquares(held.residual);
    for (const [at, lambda] of LAMBDAS.entries()) {
      left[at]! += sumOfSquares(yield* remainder(held, yield* fit(lambda)));
      yield;
    }
  }
  const best = left.indexOf(minOf(left));
  if (!(left[best]! < nothing)) return NOTHING_GAINED;
  return { lambda: LAMBDAS[best]!, heldOut: left[best]! / nothing };
}
