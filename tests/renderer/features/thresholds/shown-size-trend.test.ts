import { expect, test } from 'vitest';
import { thresholdPoint } from '../../../../renderer/features/thresholds/shown-size-trend.ts';
import { sampleSizeTrend } from '../../../main/evaluation/size-trend/sample-size-trend.ts';

const { document, sizeTrend } = sampleSizeTrend({
  sizes: [8, 16, 32],
  tasks: ['sums', 'plurals'],
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 8,
});

test('every threshold refers to a measured point of its own model, task and method', () => {
  expect(sizeTrend.thresholds.length).toBeGreaterThan(0);
  for (const threshold of sizeTrend.thresholds) {
    const point = thresholdPoint(document.results, threshold);
    expect(point).toMatchObject({ model: threshold.model, task: threshold.task, method: threshold.method });
    const { lastSafe, firstUnsafe } = threshold;
    if (lastSafe !== null && lastSafe > 1) expect(point?.factor).toBe(lastSafe);
    else if (firstUnsafe !== null) expect(point?.factor).toBe(firstUnsafe);
  }
});

test('of several draws, it is the one that decides: with the lowest one-sided end', () => {
  const [first] = document.results.filter(({ factor }) => factor > 1);
  if (first === undefined) throw new Error('the sample has no pruned point');
  const draws = [0, 1, 2].map((seed) => ({
    ...first,
    method: 'drawn',
    seed,
    lowOneSided: [-0.1, -0.3, -0.2][seed] ?? 0,
  }));
  const named = { model: first.model, task: first.task, method: 'drawn', lastSafe: first.factor, firstUnsafe: null };
  expect(thresholdPoint(draws, named)?.seed).toBe(1);
  expect(thresholdPoint(draws, { ...named, method: 'other' })).toBeNull();
});
