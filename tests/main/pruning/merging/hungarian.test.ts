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

const sides = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 5 }));
const matrix = fc.tuple(fc.oneof(sides, fc.constant([7, 0] as const)), fc.boolean()).chain(([[rows, more], whole]) => {
  const columns = rows + more;
  return fc.record({
    rows: fc.constant(rows),
    columns: fc.constant(columns),
    values: fc.array(whole ? fc.integer({ min: -3, max: 3 }) : fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
      minLength: rows * columns,
      maxLength: rows * columns,
    }),
  });
});

describe('solveAssignment', () => {
  it('finds what trying every assignment finds, square or wider', () => {
    fc.assert(
      fc.property(matrix, ({ rows, columns, values }) => {
        const found = [...solveAssignment(Float64Array.from(values), rows, columns)];
        expect(found).toHaveLength(rows);
        expect(new Set(found).size).toBe(rows);
        const total = found.reduce((sum, column, row) => sum + values[row * columns + column]!, 0);
        const best = bruteForce((row, column) => values[row * columns + column]!, rows, columns);
        expect(total).toBeCloseTo(best, 8);
      }),
      { numRuns: 200 },
    );
  });

  it('gives the identity where all costs are equal', () => {
    expect([...solveAssignment(new Float64Array(25).fill(4), 5, 5)]).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses a cost that is not finite and names its position', () => {
    const cost = Float64Array.of(1, 2, 3, NaN, 5, 6);
    expect(() => solveAssignment(cost, 2, 3)).toThrow('row 1, column 0 is NaN');
    expect(() => solveAssignment(cost, 3, 2)).toThrow('6 costs for a 3 x 2 matrix');
  });
});
