import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { doublings, expertScale } from '../../../main/figures/scales.ts';
import { reachedByHalf, trendLayout } from '../../../main/figures/size-trend-figure.ts';

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
const trend = (points: readonly SizeThreshold[], task = 't'): ExpertTrend => ({
  task,
  method: 'reap',
  points: [...points],
  spread: [],
  pairs: { rises: 0, falls: 0, overlaps: 0, unknown: 0 },
  direction: 'cannot-tell',
});
const frame = {
  left: 30,
  right: 294,
  bottom: 158,
  top: 24,
  sizes: [8, 16, 32],
  largestFactor: 8,
  written: ['t-written'],
};

test('both axes double: equal steps for 8 to 16 and 16 to 32, for factors 1 to 2 and 4 to 8', () => {
  const { x, y } = trendLayout([], frame);
  expect(x.position(16) - x.position(8)).toBeCloseTo(x.position(32) - x.position(16));
  expect(y.position(1) - y.position(2)).toBeCloseTo(y.position(4) - y.position(8));
  expect(y.position(8)).toBeLessThan(y.position(1));
  expect(doublings(12)).toEqual([1, 2, 4, 8]);
  expect(expertScale([8], [0, 10]).position(8)).toBe(5);
});

test('a task runs through its last safe factors, and a size where none is known has no point', () => {
  const { y, tasks, medians } = trendLayout(
    [trend([threshold(8, 1, 2), threshold(16, 8, null), threshold(32, null, null)])],
    frame,
  );
  expect(tasks[0]?.points.map((point) => [point.experts, point.y])).toEqual([
    [8, y.position(1)],
    [16, y.position(8)],
  ]);
  expect(medians).toMatchObject([{ answers: 'chosen', points: [{ factor: 1 }, { factor: 8, tasks: 1 }] }]);
});

test('several trainings of one size are one point, at their geometric mean', () => {
  const { y, tasks } = trendLayout([trend([threshold(16, 1, 2, 'a'), threshold(16, 4, 8, 'b')])], frame);
  const [point] = tasks[0]?.points ?? [];
  expect(point?.y).toBeCloseTo(y.position(2));
  expect(point?.thresholds.map(({ model }) => model)).toEqual(['a', 'b']);
});

test('tasks of equal thresholds are drawn beside each other, closer than half a doubling', () => {
  const many = Array.from({ length: 40 }, (_, index) => trend([threshold(8, 2, 4)], `t${String(index)}`));
  const { y, tasks } = trendLayout(many, frame);
  const heights = tasks.map(({ points }) => points[0]?.y ?? 0);
  expect(new Set(heights).size).toBe(40);
  const half = (y.position(2) - y.position(4)) / 2;
  for (const height of heights) expect(Math.abs(height - y.position(2))).toBeLessThan(half);
});

test('chosen and written answers have a median each, beside each other', () => {
  const chosen = [1, 2, 4, 8].map((last, index) => trend([threshold(8, last, null)], `t${String(index)}`));
  const { y, tasks, medians } = trendLayout([...chosen, trend([threshold(8, 4, 8)], 't-written')], frame);
  expect(tasks.map(({ answers }) => answers)).toEqual([...chosen.map(() => 'chosen'), 'written']);
  expect(medians.map(({ answers, points }) => [answers, points[0]?.factor, points[0]?.tasks])).toEqual([
    ['chosen', 4, 4],
    ['written', 4, 1],
  ]);
  const [first, second] = medians.map(({ points }) => points[0]?.y ?? 0);
  expect(first).not.toBe(second);
  for (const height of [first, second]) expect(Math.abs((height ?? 0) - y.position(4))).toBeLessThan(4);
});

test('the factor that half of the tasks reach is reached by half of them, and no larger one is', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(1, 2, 4, 8, 16), { minLength: 1 }), (factors) => {
      const half = reachedByHalf(factors) ?? 0;
      const reaching = (factor: number): number => factors.filter((own) => own >= factor).length;
      expect(2 * reaching(half)).toBeGreaterThanOrEqual(factors.length);
      for (const larger of factors.filter((own) => own > half))
        expect(2 * reaching(larger)).toBeLessThan(factors.length);
    }),
  );
  expect(reachedByHalf([])).toBeUndefined();
});
