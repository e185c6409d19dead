import { describe, expect, it } from 'vitest';
import { expertToKept, mergeRouterRows } from '../../../main/pruning/merge-router.ts';

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
