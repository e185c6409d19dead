import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cholesky, solveCholesky } from '../../../../main/pruning/recovery/cholesky.ts';
import { blockEquations, solveByGaussSeidel } from '../../../../main/pruning/recovery/gauss-seidel-ridge.ts';
import {
  normalEquations,
  solveJointly,
  LAMBDAS,
  recoverLayer,
} from '../../../../main/pruning/recovery/recover-layer.ts';
import {
  meanDiagonal,
  type RecoveryProblem,
  remainder,
  sumOfSquares,
} from '../../../../main/pruning/recovery/recovery-problem.ts';
import { atOnce } from '../../arithmetic/at-once.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

interface Sizes {
  readonly experts: number;
  readonly topK: number;
  readonly width: number;
  readonly hidden: number;
  readonly tokens: number;
}

/** Tokens that choose experts at random; the residual is what `truth` would add, plus noise. */
const problemOf = ({ experts, topK, width, hidden, tokens }: Sizes, seed: number, noise: number) => {
  const random = seededRandom(seed);
  const draw = () => 2 * random.float() - 1;
  const chosen: { token: number; values: number[] }[][] = Array.from({ length: experts }, () => []);
  const truth = Array.from({ length: experts }, () => Array.from({ length: width * hidden }, draw));
  const residual = new Float32Array(tokens * hidden);
  for (let token = 0; token < tokens; token++) {
    for (const expert of random.shuffle(Array.from({ length: experts }, (_, e) => e)).slice(0, topK)) {
      const values = Array.from({ length: width }, draw);
      chosen[expert]!.push({ token, values });
      for (let h = 0; h < hidden; h++)
        residual[token * hidden + h]! += values.reduce(
          (sum, value, i) => sum + value * truth[expert]![i * hidden + h]!,
          0,
        );
    }
    for (let h = 0; h < hidden; h++) residual[token * hidden + h]! += noise * draw();
  }
  const problem: RecoveryProblem = {
    width,
    hidden,
    residual,
    items: Int32Array.from({ length: tokens }, (_, token) => Math.floor(token / 5)),
    experts: chosen.map((rows) => ({
      tokens: Int32Array.from(rows, ({ token }) => token),
      values: Float32Array.from(rows.flatMap(({ values }) => values)),
    })),
  };
  return { problem, truth };
};

const sizes = fc
  .record({
    experts: fc.integer({ min: 1, max: 4 }),
    topK: fc.constant(1),
    width: fc.integer({ min: 1, max: 5 }),
    hidden: fc.integer({ min: 1, max: 4 }),
    tokens: fc.integer({ min: 1, max: 60 }),
  })
  .chain((given) => fc.integer({ min: 1, max: given.experts }).map((topK) => ({ ...given, topK })));

describe('cholesky', () => {
  it('solves what it decomposes, across its blocks', () => {
    for (const n of [1, 2, 7, 63, 64, 65, 131]) {
      const random = seededRandom(n);
      const rows = Float64Array.from({ length: n * n }, () => random.float() - 0.5);
      const matrix = Float64Array.from({ length: n * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        let sum = i === j ? 1 : 0;
        for (let k = 0; k < n; k++) sum += rows[i * n + k]! * rows[j * n + k]!;
        return sum;
      });
      const wanted = Float64Array.from({ length: n * 2 }, () => random.float());
      const right = Float64Array.from({ length: n * 2 }, (_, at) => {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += matrix[Math.floor(at / 2) * n + k]! * wanted[k * 2 + (at % 2)]!;
        return sum;
      });
      const lower = atOnce(cholesky(matrix, n));
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(lower[i * n + j]).toBe(0);
      atOnce(solveCholesky(lower, n, right, 2));
      right.forEach((value, at) => expect(value).toBeCloseTo(wanted[at]!, 8));
    }
  });

  it('reports where a matrix is not positive definite', () => {
    expect(() => atOnce(cholesky(Float64Array.of(1, 2, 2, 1), 2))).toThrow('not positive definite at row 1');
  });
});

describe('the two solvers', () => {
  it('find the same corrections', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.constantFrom(...LAMBDAS), (size, seed, lambda) => {
        const { problem } = problemOf(size, seed, 0.3);
        const joint = atOnce(solveJointly(atOnce(normalEquations(problem)), lambda));
        const { corrections, settled } = atOnce(
          solveByGaussSeidel(atOnce(blockEquations(problem)), lambda, { tolerance: 1e-9 }),
        );
        expect(settled).toBe(true);
        joint.forEach((block, expert) =>
          block.forEach((value, at) => expect(corrections[expert]![at]).toBeCloseTo(value, 4)),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('find a minimum: no small change of a correction lowers the ridged error', () => {
    const { problem } = problemOf({ experts: 3, topK: 2, width: 3, hidden: 2, tokens: 40 }, 6, 0.5);
    const lambda = 0.1;
    const corrections = atOnce(solveJointly(atOnce(normalEquations(problem)), lambda));
    const error = (blocks: readonly Float64Array[]) =>
      sumOfSquares(atOnce(remainder(problem, blocks))) +
      lambda * meanDiagonal(problem) * blocks.reduce((sum, block) => sum + sumOfSquares(block), 0);
    const least = error(corrections);
    corrections.forEach((block, expert) =>
      block.forEach((_, at) => {
        for (const step of [-1e-3, 1e-3]) {
          const moved = corrections.map((own) => own.slice());
          moved[expert]![at]! += step;
          expect(error(moved)).toBeGreaterThan(least);
        }
      }),
    );
  });
});

describe('recoverLayer', () => {
  it('finds the true correction with enough tokens and the least ridge, by either solver', () => {
    const size = { experts: 3, topK: 2, width: 4, hidden: 3, tokens: 600 };
    const { problem, truth } = problemOf(size, 1, 0);
    for (const limit of [1000, 1]) {
      const recovery = atOnce(recoverLayer(problem, limit));
      expect(recovery).toMatchObject({
        lambda: 0.001,
        tokens: 600,
        unknowns: 12,
        solver: limit === 1 ? 'gauss-seidel' : 'joint',
      });
      expect(recovery.heldOut).toBeLessThan(0.01);
      expect(recovery.after).toBeLessThan(0.01 * recovery.before);
      recovery.corrections.forEach((block, expert) =>
        block.forEach((value, at) => expect(value).toBeCloseTo(truth[expert]![at]!, 1)),
      );
    }
  });

  it('changes nothing where the residual is noise', () => {
    const { problem } = problemOf({ experts: 2, topK: 1, width: 6, hidden: 2, tokens: 40 }, 3, 0);
    const random = seededRandom(9);
    const noise = { ...problem, residual: problem.residual.map(() => random.float() - 0.5) };
    const recovery = atOnce(recoverLayer(noise));
    if (recovery.lambda === Infinity) {
      expect(recovery.heldOut).toBe(1);
      expect(recovery.corrections.every((block) => block.every((value) => value === 0))).toBe(true);
      expect(recovery.after).toBeCloseTo(recovery.before, 9);
    } else expect(recovery.heldOut).toBeLessThan(1);
    const nothing = atOnce(recoverLayer({ ...problem, residual: new Float32Array(problem.residual.length) }));
    expect([nothing.lambda, nothing.after]).toEqual([Infinity, 0]);
  });

  it('does not depend on the order of items', () => {
    const { problem } = problemOf({ experts: 3, topK: 2, width: 3, hidden: 2, tokens: 50 }, 4, 0.2);
    const { lambda, corrections } = atOnce(recoverLayer(problem));
    const renamed = atOnce(recoverLayer({ ...problem, items: problem.items.map((item) => 100 - item) }));
    expect(renamed.lambda).toBe(lambda);
    expect(renamed.corrections).toEqual(corrections);
  });

  it('does not change an expert without tokens', () => {
    const { problem } = problemOf({ experts: 2, topK: 1, width: 2, hidden: 2, tokens: 30 }, 5, 0);
    const idle = { tokens: new Int32Array(0), values: new Float32Array(0) };
    for (const limit of [1000, 1]) {
      const { corrections } = atOnce(recoverLayer({ ...problem, experts: [...problem.experts, idle] }, limit));
      expect(corrections[2]!.every((value) => value === 0)).toBe(true);
    }
  });
});
