import { expect } from 'vitest';
import { z } from 'zod';
import { solveAssignment } from '../../../main/pruning/merging/hungarian.ts';
import { expectClose, float64, tensor } from './vector-file.ts';

const optimum = z.object({
  row_ind: z.array(z.number()),
  col_ind: z.array(z.number()),
  total: z.number(),
  unique: z.boolean(),
});
const file = z.object({
  expected: z.object({ cases: z.array(z.object({ kind: z.string(), cost: tensor, min: optimum, max: optimum })) }),
});

/** Totals are written with ten decimals. */
const totalTolerance = { rtol: 1e-9, atol: 1e-9 };

/** [row, column] pairs by row. The workbench assigns every row at the least cost: other matrices are turned into that. */
const assignment = (cost: Float64Array, rows: number, columns: number, goal: 'min' | 'max'): [number, number][] => {
  const signed = goal === 'min' ? cost : cost.map((value) => -value);
  if (rows <= columns) return Array.from(solveAssignment(signed, rows, columns), (column, row) => [row, column]);
  const turned = signed.map((_, at) => signed[(at % rows) * columns + Math.floor(at / rows)]!);
  const pairs = Array.from(solveAssignment(turned, columns, rows), (row, column): [number, number] => [row, column]);
  return pairs.sort(([a], [b]) => a - b);
};

/**
 * Cost -> optimal assignment; if several are optimal, only the total is checked. The float16 columns of the files
 * document an overflow in published code and are not checked.
 */
export const hungarianAssignmentVectors = (json: unknown): void => {
  for (const { kind, cost, ...goals } of file.parse(json).expected.cases) {
    const [rows = 0, columns = 0] = cost.shape;
    for (const goal of ['min', 'max'] as const) {
      const theirs = goals[goal];
      const ours = assignment(float64(cost), rows, columns, goal);
      const what = `${kind} ${rows} x ${columns} ${goal}`;
      const total = ours.reduce((sum, [row, column]) => sum + float64(cost)[row * columns + column]!, 0);
      expectClose([total], [theirs.total], totalTolerance, what);
      if (theirs.unique) {
        const pairs = theirs.row_ind.map((row, pair) => [row, theirs.col_ind[pair]]);
        expect(ours, what).toEqual(pairs);
      }
    }
  }
};
