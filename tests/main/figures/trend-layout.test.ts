import { expect, test } from 'vitest';
import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { doublings, expertScale } from '../../../main/figures/scales.ts';
import { trendLayout } from '../../../main/figures/trend-layout.ts';

const threshold = (
  experts: number,
  lastSafe: number | null,
  firstUnsafe: number | null,
  model = `m${experts}`,
): SizeThreshold => ({
  model,
  task: 't',
  method: 'reap',
  seed: null,
  factor: lastSafe,
  lastSafe,
  firstUnsafe,
  firstWorse: null,
  delta: 0.02,
  n: 300,
  verdict:
    lastSafe === null ? 'cannot-tell' : firstUnsafe === null ? 'all-safe' : lastSafe === 1 ? 'none-safe' : 'found',
  power: null,
  experts,
  largestTested: 8,
  keptSafe: null,
  keptUnsafe: null,
  keptWorse: null,
  bytesSafe: null,
  bytesUnsafe: null,
});
const trend = (points: readonly SizeThreshold[], spread: ExpertTrend['spread']): ExpertTrend => ({
  task: 't',
  method: 'reap',
  points: [...points],
  spread,
  pairs: { rises: 0, falls: 0, overlaps: 0, unknown: 0 },
  direction: 'cannot-tell',
});
const once = (experts: number, value: number | null) => ({ experts, models: 1, lowest: value, highest: value });
const frame = {
  left: 30,
  right: 294,
  bottom: 158,
  top: 24,
  arrow: 12,
  sizes: [8, 16, 32],
  largestFactor: 8,
  methods: ['random', 'reap'],
};

test('both axes double: equal steps for 8 to 16 and 16 to 32, for factors 1 to 2 and 4 to 8', () => {
  const { x, y } = trendLayout([], frame);
  expect(x.position(16) - x.position(8)).toBeCloseTo(x.position(32) - x.position(16));
  expect(y.position(1) - y.position(2)).toBeCloseTo(y.position(4) - y.position(8));
  expect(y.position(8)).toBeLessThan(y.position(1));
  expect(doublings(12)).toEqual([1, 2, 4, 8]);
  expect(expertScale([8], [0, 10]).position(8)).toBe(5);
});

test(
  'a bracket reaches from the last safe to the first unsafe factor; an open one ends above; an unknown one has no ' +
    'line',
  () => {
    const { y, trends } = trendLayout(
      [
        trend(
          [threshold(8, 1, 2), threshold(16, 8, null), threshold(32, null, null)],
          [once(8, 1), once(16, 8), once(32, null)],
        ),
      ],
      frame,
    );
    const [closed, open, unknown] = trends[0]?.points ?? [];
    expect(closed).toMatchObject({ y: y.position(1), end: y.position(2) });
    expect(open?.y).toBe(y.position(8));
    expect(open?.end).toBeLessThan(y.position(8));
    expect(unknown?.y).toBe(y.position(1));
    expect(trends[0]?.line).toHaveLength(2);
    expect(trends[0]?.spreads).toEqual([]);
  },
);

test('trainings of one size stand side by side, spanned by a band; the line runs through their geometric mean', () => {
  const points = [threshold(16, 1, 2, 'a'), threshold(16, 4, 8, 'b')];
  const { y, trends } = trendLayout([trend(points, [{ experts: 16, models: 2, lowest: 1, highest: 4 }])], frame);
  const [placed] = trends;
  expect(new Set(placed?.points.map(({ x }) => x)).size).toBe(2);
  expect(placed?.spreads).toMatchObject([{ low: y.position(1), high: y.position(4) }]);
  expect(placed?.line[0]?.[1]).toBeCloseTo(y.position(2));
});

test('methods stand beside each other at every size', () => {
  const own = [threshold(8, 2, 4)];
  const both = trendLayout([{ ...trend(own, [once(8, 2)]), method: 'random' }, trend(own, [once(8, 2)])], frame);
  const [left, right] = both.trends.map(({ points }) => points[0]?.x ?? 0);
  expect(left).toBeLessThan(right ?? 0);
});
