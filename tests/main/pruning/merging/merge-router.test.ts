import { describe, expect, it } from 'vitest';
import { expertToKept, mergeRouterRows, reinitialisedRows } from '../../../../main/pruning/merging/merge-experts.ts';

const router = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const groups = [
  { members: [0, 2], reference: 2, weights: [3, 1] },
  { members: [1, 3], reference: 1, weights: [0, 0] },
];

describe('mergeRouterRows', () => {
  it('takes the row of the reference', () => {
    expect([...mergeRouterRows(router, 2, groups, 'reference-row')]).toEqual([5, 6, 3, 4]);
  });

  it('or the mean row with the weights of the merge, even where all are zero', () => {
    expect([...mergeRouterRows(router, 2, groups, 'mean-row')]).toEqual([2, 3, 5, 6]);
  });
});

describe('expertToKept', () => {
  it('sends every expert to its group', () => {
    expect([...expertToKept(groups, 4)]).toEqual([0, 1, 0, 1]);
    expect(() => expertToKept(groups, 5)).toThrow('expert 4 is in no group');
  });
});

describe('reinitialisedRows', () => {
  const router = Float32Array.from({ length: 64 * 32 }, (_, at) => (at % 2 === 0 ? 0.3 : -0.3));

  it('draws normal rows as long as the unpruned ones, from the seed and the layer only', () => {
    const rows = reinitialisedRows(router, 32, 32, 7, 1);
    expect(rows).toHaveLength(32 * 32);
    const mean = rows.reduce((sum, value) => sum + value, 0) / rows.length;
    const square = rows.reduce((sum, value) => sum + value * value, 0) / rows.length;
    // 1024 draws: four standard errors of the mean, and of the root mean square.
    expect(Math.abs(mean)).toBeLessThan((4 * 0.3) / 32);
    expect(Math.abs(Math.sqrt(square) - 0.3)).toBeLessThan((4 * 0.3) / Math.sqrt(2 * 1024));
    expect(reinitialisedRows(router, 32, 32, 7, 1)).toEqual(rows);
    expect(reinitialisedRows(router, 32, 32, 8, 1)).not.toEqual(rows);
    expect(reinitialisedRows(router, 32, 32, 7, 0)).not.toEqual(rows);
    // Another number of groups uses the same stream: the rows that both have are equal.
    expect(reinitialisedRows(router, 32, 2, 7, 1)).toEqual(rows.slice(0, 64));
  });
});
