import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { chartScales, placePoints } from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { expertTrendFigure, reachedByHalf } from '../../../main/figures/size-trend-figure.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';

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
const { sizeTrend: sample } = sampleSizeTrend({ sizes: [8, 16, 32], tasks: ['t'], methods: ['reap'], limit: () => 2 });
const panelOf = (trends: readonly ExpertTrend[]) => {
  const tasks = [...new Set(trends.map(({ task }) => task))];
  const sizeTrend = { ...sample, trends: [...trends], tasks, written: ['t-written'] };
  const [chart = expect.fail('no chart')] = expertTrendFigure(sizeTrend, tasks, figureTheme('light')).charts;
  const medians = chart.series.filter(({ key }) => key.startsWith('half of the tasks'));
  return { chart, medians, tasks: chart.series.filter((series) => !medians.includes(series)) };
};
const plot = { left: 30, top: 24, width: 264, height: 134 };

test('both axes double: equal steps for 8 to 16 and 16 to 32, for factors 1 to 2 and 4 to 8', () => {
  const { chart } = panelOf([trend([threshold(8, 1, 2), threshold(16, 8, null), threshold(32, 4, 8)])]);
  const { x, y } = chartScales(chart, plot);
  expect(x(16) - x(8)).toBeCloseTo(x(32) - x(16));
  expect(y(1) - y(2)).toBeCloseTo(y(4) - y(8));
  expect(y(8)).toBeLessThan(y(1));
});

test('a task runs through its last safe factors, and a size where none is known has no point', () => {
  const { tasks, medians } = panelOf([trend([threshold(8, 1, 2), threshold(16, 8, null), threshold(32, null, null)])]);
  expect(tasks.map(({ line }) => line)).toEqual([
    [
      [8, 1],
      [16, 8],
    ],
  ]);
  expect(medians.map(({ line }) => line)).toEqual(tasks.map(({ line }) => line));
  expect(medians[0]?.points[1]?.tip().title).toBe('E 16: half of the tasks reach ×8');
});

test('several trainings of one size are one point, at their geometric mean', () => {
  const { tasks } = panelOf([trend([threshold(16, 1, 2, 'a'), threshold(16, 4, 8, 'b')])]);
  const [point = expect.fail('no point')] = tasks[0]?.points ?? [];
  expect(point.y).toBeCloseTo(2);
  expect(point.tip().lines.filter((line) => /REAP, [ab] /u.test(line))).toHaveLength(2);
});

test('tasks of equal thresholds are drawn beside each other, within an eighth of a doubling', () => {
  const many = Array.from({ length: 40 }, (_, index) => trend([threshold(8, 2, 4)], `t${String(index)}`));
  const { chart } = panelOf(many);
  const { y } = chartScales(chart, plot);
  const placed = placePoints(chart, plot).filter(({ point }) => point.look === 'none');
  expect(new Set(placed.map((one) => one.y.toFixed(6))).size).toBe(40);
  for (const one of placed) expect(Math.abs(one.y - y(2))).toBeLessThan((y(2) - y(4)) / 8);
});

test('chosen and written answers have a median each, at its factor', () => {
  const chosen = [1, 2, 4, 8].map((last, index) => trend([threshold(8, last, null)], `t${String(index)}`));
  const { medians } = panelOf([...chosen, trend([threshold(8, 4, 8)], 't-written')]);
  expect(medians.map(({ key, line, points }) => [key, line, points.map(({ look }) => look)])).toEqual([
    ['half of the tasks, chosen', [[8, 4]], ['filled']],
    ['half of the tasks, written', [[8, 4]], ['hollow']],
  ]);
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
