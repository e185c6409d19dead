import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { solveAssignment } from '../../../../main/pruning/merging/hungarian.ts';

/** Least total by trying every way to assign each row of the shorter side a different partner. */
const bruteForce = (
  cost: (i: number, j: number) => number,
  n: number,
  m: number,
  taken: readonly number[] = [],
): number => {
  if (taken.length === n) return 0;
  let best = Infinity;
  for (let j = 0; j < m; j++) {
    if (taken.includes(j)) continue;
    best = Math.min(best, cost(taken.length, j) + bruteForce(cost, n, m, [...taken, j]));
  }
  return best;
};

const side = fc.integer({ min: 1, max: 6 });
const matrix = fc
  .tuple(fc.oneof(fc.tuple(side, side), fc.constant([7, 7] as const)), fc.boolean())
  .chain(([[rows, columns], whole]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc.array(whole ? fc.integer({ min: -3, max: 3 }) : fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
        minLength: rows * columns,
        maxLength: rows * columns,
      }),
    }),
  );

describe('solveAssignment', () => {
  it('finds what trying every assignment finds, square or not, least or greatest', () => {
    fc.assert(
      fc.property(matrix, fc.constantFrom('min' as const, 'max' as const), ({ rows, columns, values }, goal) => {
        const { total, ...pairs } = solveAssignment(Float64Array.from(values), rows, columns, goal);
        const [n, m] = [Math.min(rows, columns), Math.max(rows, columns)];
        const at = (i: number, j: number) => (rows <= columns ? values[i * columns + j]! : values[j * columns + i]!);
        const best = goal === 'min' ? bruteForce(at, n, m) : -bruteForce((i, j) => -at(i, j), n, m);
        expect(total).toBeCloseTo(best, 8);
        expect(pairs.rows).toHaveLength(n);
        expect(new Set(pairs.rows).size).toBe(n);
        expect(new Set(pairs.columns).size).toBe(n);
        expect([...pairs.rows]).toEqual([...pairs.rows].sort((a, b) => a - b));
        const sum = [...pairs.rows].reduce((all, row, k) => all + values[row * columns + pairs.columns[k]!]!, 0);
        expect(total).toBeCloseTo(sum, 8);
      }),
      { numRuns: 200 },
    );
  });

  it('gives the identity where all costs are equal', () => {
    expect([...solveAssignment(new Float64Array(25).fill(4), 5, 5).columns]).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses a cost that is not finite and names its position', () => {
    const cost = Float64Array.of(1, 2, 3, NaN, 5, 6);
    expect(() => solveAssignment(cost, 3, 2)).toThrow('row 1, column 1 is NaN');
    expect(() => solveAssignment(cost, 2, 3)).toThrow('row 1, column 0 is NaN');
  });
});
