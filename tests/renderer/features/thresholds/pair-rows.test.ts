import { expect, test } from 'vitest';
import { pairPanels } from '../../../../main/figures/size-pair-figure.ts';
import { differenceDomain, roundTicks, taskPairs } from '../../../../renderer/features/thresholds/pair-rows.ts';
import { sampleSizeTrend } from '../../../main/evaluation/size-trend/sample-size-trend.ts';

const { family } = sampleSizeTrend({
  sizes: [8, 16, 32],
  trainings: 2,
  tasks: ['sums', 'plurals'],
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 8,
});

test('the window gathers comparisons as the figures of a report do', () => {
  const own = taskPairs(family.pairs, family.tasks);
  expect(own.length).toBeGreaterThan(0);
  const seen = own.map(({ rows, ...panel }) => ({
    ...panel,
    rows: rows.map(({ dots, ...row }) => ({
      ...row,
      points: dots.map(({ pairs, ...dot }) => ({ ...dot, comparisons: pairs.length })),
    })),
  }));
  expect(seen).toEqual(pairPanels(family.pairs, family.tasks));
});

test('every whisker lies on the axis, and so does 0', () => {
  const panels = taskPairs(family.pairs, family.tasks);
  for (const panel of panels) {
    const [low, high] = differenceDomain(panel, panels);
    expect(low).toBeLessThanOrEqual(0);
    expect(high).toBeGreaterThanOrEqual(0);
    for (const dot of panel.rows.flatMap(({ dots }) => dots)) {
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
