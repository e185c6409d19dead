import { cholesky, solveCholesky } from './cholesky.ts';
import { meanDiagonal, productsOf, projectedOn, type Corrections, type RecoveryProblem } from './recovery-problem.ts';
import type { Steps } from '../../arithmetic/steps.ts';

/** A problem's normal equations, from which every lambda is solved: [nI, nI] and [nI, d] float64. */
export interface NormalEquations {
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
