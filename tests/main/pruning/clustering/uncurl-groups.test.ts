import { describe, expect, it } from 'vitest';
import { uncurlOptions } from '../../../../main/contract/plan.ts';
import { mostUsedGroups, uncurlGroups } from '../../../../main/pruning/methods/merges-by-k-means.ts';
import { NO_PINS } from '../../../../main/pruning/budget.ts';

/** Experts 0, 2, 4 and 1, 3, 5 belong together; 4 and 5 are in the middle of theirs. */
const affinity = new Float64Array(36).map((_, at) => {
  const [i, j] = [Math.floor(at / 6), at % 6];
  if (i === j) return 1;
  if (i % 2 !== j % 2) return 0.1;
  return Math.max(i, j) >= 4 ? 0.9 : 0.7;
});
const counts = Float64Array.of(5, 0, 9, 0, 9, 0);
const request = {
  affinity,
  counts,
  keep: 2,
  layer: 0,
  pins: NO_PINS,
  reference: 'most-active',
  weights: 'activation',
  spectral: { ...uncurlOptions.parse({}), seed: 0 },
} as const;

describe('uncurlGroups', () => {
  it('groups by affinity, weights by activation and aligns to the most active member, the lower one on a tie', () => {
    expect(uncurlGroups(request)).toEqual([
      { members: [0, 2, 4], reference: 2, weights: [5, 9, 9] },
      { members: [1, 3, 5], reference: 1, weights: [1, 1, 1] },
    ]);
  });

  it('takes medoids and even weights when asked', () => {
    expect(uncurlGroups({ ...request, reference: 'medoid', weights: 'uniform' })).toEqual([
      { members: [0, 2, 4], reference: 4, weights: [1, 1, 1] },
      { members: [1, 3, 5], reference: 5, weights: [1, 1, 1] },
    ]);
  });

  it('gives an idle cluster even weights but none to an expert that must go', () => {
    const groups = uncurlGroups({ ...request, pins: { stay: new Set([0]), go: new Set([5]) }, keep: 3 });
    expect(groups).toEqual([
      { members: [0], reference: 0, weights: [5] },
      { members: [1, 3, 5], reference: 1, weights: [1, 1, 0] },
      { members: [2, 4], reference: 2, weights: [9, 9] },
    ]);
  });

  it('always makes the requested number of groups, also of equal experts', () => {
    for (let keep = 1; keep <= 6; keep++) {
      const groups = uncurlGroups({ ...request, affinity: new Float64Array(36).fill(1), keep });
      expect(groups).toHaveLength(keep);
      expect(groups.flatMap(({ members }) => members).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });
});

describe('mostUsedGroups', () => {
  it('leaves the most used experts unchanged and gives the others no weight', () => {
    expect(mostUsedGroups(request)).toEqual([
      { members: [0, 4], reference: 4, weights: [0, 9] },
      { members: [1, 2, 3, 5], reference: 2, weights: [0, 9, 0, 0] },
    ]);
  });

  it('keeps pinned experts and drops those that must go', () => {
    const groups = mostUsedGroups({ ...request, pins: { stay: new Set([1]), go: new Set([2]) } });
    expect(groups.map(({ reference }) => reference)).toEqual([4, 1]);
    expect(groups.flatMap(({ members, weights }) => members.filter((_, at) => weights[at] !== 0))).toEqual([4, 1]);
  });
});
