import { expect, test } from 'vitest';
import { differenceDomain, pairPanels } from '../../../main/figures/pair-panels.ts';
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
