import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { byFallingValue } from '../../../main/figures/cell-matrix.ts';
import { effectiveExperts, metricMatrix, rankInLayer } from '../../../renderer/profile/metrics.ts';

const profile: TaskProfile = {
  task: 'sums',
  taskHash: 'h',
  items: 2,
  tokens: 10,
  counts: [[10, 6, 4, 0]],
  gateMass: [[6, 3, 1, 0]],
  reapSum: [[20, 3, 8, 0]],
  eanSum: [[40, 12, 2, 0]],
};

test('shares and gates are per token of the task, saliencies per token of the expert', () => {
  expect(metricMatrix(profile, 'share')).toEqual([[1, 0.6, 0.4, 0]]);
  expect(metricMatrix(profile, 'gate')).toEqual([[0.6, 0.3, 0.1, 0]]);
  expect(metricMatrix(profile, 'reap')).toEqual([[2, 0.5, 2, 0]]);
  expect(metricMatrix(profile, 'ean')).toEqual([[4, 2, 0.5, 0]]);
});

test('equal values are ranked by expert number', () => {
  expect(byFallingValue([2, 0.5, 2, 0])).toEqual([0, 2, 1, 3]);
  expect(rankInLayer([2, 0.5, 2, 0], 2)).toBe(2);
});

test('effective experts: all of a balanced layer, one of a one-sided layer, none of an unused layer', () => {
  expect(effectiveExperts([5, 5, 5, 5])).toBeCloseTo(4, 12);
  expect(effectiveExperts([9, 0, 0])).toBeCloseTo(1, 12);
  expect(effectiveExperts([0, 0])).toBe(0);
});

test('effective experts do not depend on the order or the scale of the counts', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1 }), fc.integer({ min: 1, max: 9 }), (counts, scale) => {
      const turned = [...counts].reverse().map((count) => count * scale);
      expect(effectiveExperts(turned)).toBeCloseTo(effectiveExperts(counts), 8);
    }),
  );
});
