import { minOf } from '../../statistics/extremes.ts';
import { blockEquations, solveByGaussSeidel } from './gauss-seidel-ridge.ts';
import { normalEquations, solveJointly } from './joint-ridge.ts';
import type { Steps } from '../../arithmetic/steps.ts';
import {
  remainder,
  restrictProblem,
  sumOfSquares,
  type Corrections,
  type RecoveryProblem,
} from './recovery-problem.ts';

/** Candidate ridges, as fractions of the mean squared length of a feature. */
export const LAMBDAS = [1, 0.1, 0.01, 0.001] as const;
/** Unknowns per output up to which all experts are solved jointly: a 32 MB matrix, seconds to decompose. */
export const MOST_JOINT_UNKNOWNS = 2048;

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
  for (const own of [0, 1]) {
    const fit = yield* fitter(
      restrictProblem(problem, (token) => fold(token) === own),
      CHOICE_TOLERANCE,
    );
    const held = restrictProblem(problem, (token) => fold(token) !== own);
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
