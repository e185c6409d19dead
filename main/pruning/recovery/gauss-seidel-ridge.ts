import { cholesky, solveCholesky } from './cholesky.ts';
import {
  addProduct,
  meanDiagonal,
  productsOf,
  projectedOn,
  sumOfSquares,
  type Corrections,
  type RecoveryProblem,
} from './recovery-problem.ts';

/** Sweeps over the experts stop when the largest change is below this part of the largest correction, or here. */
const TOLERANCE = 1e-9;
const MAX_SWEEPS = 500;

export interface GaussSeidelResult {
  readonly corrections: Corrections;
  readonly sweeps: number;
  /** Whether the corrections had settled when the sweeps ended. */
  readonly settled: boolean;
}

/**
 * The same minimum as `solveJointly`, one expert after the other: each expert's [I, I] normal matrix is decomposed
 * once, and its correction solved for what the others leave, again and again until nothing changes. Memory I^2 per
 * expert and N * d float64.
 * Source: block Gauss-Seidel (Golub and Van Loan 2013, section 11.2); it converges because the ridged matrix is
 * positive definite.
 */
export const solveByGaussSeidel = (
  problem: RecoveryProblem,
  lambda: number,
  maxSweeps = MAX_SWEEPS,
): GaussSeidelResult => {
  const { experts, width, hidden, residual } = problem;
  const corrections = experts.map(() => new Float64Array(width * hidden));
  const ridge = lambda * meanDiagonal(problem);
  if (ridge === 0) return { corrections, sweeps: 0, settled: true };
  const factors = experts.map((features) => {
    const products = productsOf(features, features, width);
    for (let k = 0; k < width; k++) products[k * width + k]! += ridge;
    return cholesky(products, width);
  });
  const rest = Float64Array.from(residual);
  for (let sweep = 1; sweep <= maxSweeps; sweep++) {
    let change = 0;
    experts.forEach((features, expert) => {
      if (features.tokens.length === 0) return;
      const correction = corrections[expert]!;
      // Solved for the step and not for the correction: what is left of the gradient vanishes as it settles.
      const step = projectedOn(features, rest, width, hidden);
      for (let k = 0; k < step.length; k++) step[k]! -= ridge * correction[k]!;
      solveCholesky(factors[expert]!, width, step, hidden);
      for (let k = 0; k < step.length; k++) correction[k]! += step[k]!;
      addProduct(rest, features, step, width, hidden, -1);
      change += sumOfSquares(step);
    });
    const size = corrections.reduce((sum, correction) => sum + sumOfSquares(correction), 0);
    if (change <= TOLERANCE ** 2 * size) return { corrections, sweeps: sweep, settled: true };
  }
  return { corrections, sweeps: maxSweeps, settled: false };
};
