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

/**
 * Cost -> optimal assignment; if several are optimal, only the total is checked. The float16 columns of the files
 * document an overflow in published code and are not checked.
 */
export const hungarianAssignmentVectors = (json: unknown): void => {
  for (const { kind, cost, ...goals } of file.parse(json).expected.cases) {
    const [rows = 0, columns = 0] = cost.shape;
    for (const goal of ['min', 'max'] as const) {
      const theirs = goals[goal];
      const ours = solveAssignment(float64(cost), rows, columns, goal);
      const what = `${kind} ${rows} x ${columns} ${goal}`;
      expectClose([ours.total], [theirs.total], totalTolerance, what);
      if (theirs.unique) {
        expect([...ours.rows], what).toEqual(theirs.row_ind);
        expect([...ours.columns], what).toEqual(theirs.col_ind);
      }
    }
  }
};
