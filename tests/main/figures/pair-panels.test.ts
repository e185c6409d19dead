import { expect, test } from 'vitest';
import { differenceDomain, pairPanels } from '../../../main/figures/pair-panels.ts';
import { roundTicks } from '../../../main/figures/scales.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';

const { sizeTrend } = sampleSizeTrend({
  sizes: [8, 16, 32],
  trainings: 2,
  tasks: ['sums', 'plurals'],
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 8,
});

test('the axis includes every whisker, and 0', () => {
  const panels = pairPanels(sizeTrend.pairs, sizeTrend.tasks);
  for (const panel of panels) {
    const [low, high] = differenceDomain(panel, panels);
    expect(low).toBeLessThanOrEqual(0);
    expect(high).toBeGreaterThanOrEqual(0);
    for (const dot of panel.rows.flatMap(({ points }) => points)) {
      expect(dot.low).toBeGreaterThanOrEqual(low);
      expect(dot.high).toBeLessThanOrEqual(high);
    }
  }
});

test('ticks are round, within the range, and few', () => {
  expect(roundTicks(-0.83, 0.06, 5)).toEqual([-0.8, -0.6, -0.4, -0.2, 0]);
  expect(roundTicks(-0.01, 0.05, 5)).toEqual([0, 0.02, 0.04]);
  expect(roundTicks(0, 0, 5)).toEqual([0]);
  for (const [low, high] of [
    [-1, 1],
    [-0.033, 0.0071],
    [0, 12.4],
  ] as const) {
    const ticks = roundTicks(low, high, 5);
    expect(ticks.length).toBeLessThanOrEqual(5);
    expect(ticks).toContain(0);
    expect(ticks.every((tick) => tick >= low && tick <= high)).toBe(true);
  }
});
