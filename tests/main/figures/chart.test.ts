import { expect, test } from 'vitest';
import {
  type Chart,
  type ChartPoint,
  chartScales,
  factorAxis,
  fittingTicks,
  linearAxis,
  nearestPoint,
  placePoints,
  rowsChart,
  steppedPoint,
} from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';

const METHODS = ['random', 'frequency', 'reap', 'uncurl', 'ean', 'man', 'msan'];
const marks = methodMarks(METHODS, figureTheme('light'));
/** Neighbouring factors of 64 experts: 32, 31, 30 kept; and the last with top-2. */
const FACTORS = [2, 64 / 31, 64 / 30, 32];
const plot = { left: 50, top: 10, width: 250, height: 150 };
const TEXT = 'pruning factor';

const point = (x: number, y: number): ChartPoint => ({
  key: String(x),
  x,
  y,
  look: 'filled',
  whiskers: [{ along: 'y', low: y - 0.1, high: y + 0.1 }],
  tip: () => ({ title: String(x), lines: [] }),
});

const chart: Chart = {
  key: 'sums',
  heading: 'Sums',
  note: '',
  x: factorAxis(FACTORS, TEXT),
  y: linearAxis([0, 1], { title: '', label: String }),
  definition: 'value',
  rules: [],
  series: [...marks].map(([key, mark], index) => ({
    key,
    mark,
    line: [],
    points: FACTORS.map((factor) => point(factor, 0.2 + 0.1 * index)),
  })),
};

test('every mark stands exactly at its factor, the largest inside the plot', () => {
  const { x } = chartScales(chart, plot);
  const placed = placePoints(chart, plot);
  for (const { point: own, x: at } of placed) expect(at).toBe(x(own.x));
  const [first, last] = [x(1), x(32)];
  expect(first - plot.left).toBeGreaterThanOrEqual(8);
  expect(plot.left + plot.width - last).toBeGreaterThanOrEqual(8);
});

test('whiskers of several methods are beside each other, each nearer to its factor than to the next one', () => {
  const { x } = chartScales(chart, plot);
  const places = FACTORS.map((factor) => x(factor));
  const distances = places.slice(1).map((place, index) => place - (places[index] ?? 0));
  const least = Math.min(...distances);
  expect(least).toBeLessThan(3);
  for (const { x: at, whiskers } of placePoints(chart, plot))
    for (const { across } of whiskers) expect(Math.abs(across - at)).toBeLessThan(7.1);
  const near = placePoints(chart, plot).filter(({ point: { x: factor } }) => factor < 3);
  for (const { x: at, whiskers } of near)
    for (const { across } of whiskers) expect(Math.abs(across - at)).toBeLessThan(0.16 * least);
  const far = placePoints(chart, plot).filter(({ point: { x: factor } }) => factor === 32);
  const across = far.flatMap(({ whiskers }) => whiskers.map((one) => one.across));
  expect(new Set(across.map((one) => one.toFixed(3))).size).toBe(METHODS.length);
});

test('measured factors are named as far as their names fit, doublings first', () => {
  const { x } = chartScales(chart, plot);
  expect(fittingTicks(chart.x, x, 'x')).toEqual([1, 2, 32]);
  expect(chart.x.ticks).toContain(64 / 31);
});

test('the nearest point within reach is pointed at', () => {
  const placed = placePoints(chart, plot);
  const [first = expect.fail('no point')] = placed;
  expect(nearestPoint(placed, { x: first.x + 1, y: first.y })).toBe(first);
  expect(nearestPoint(placed, { x: first.x + 1000, y: first.y })).toBeNull();
});

test('arrow keys move along a curve and to the curves above and below, and reach every point', () => {
  const placed = placePoints(chart, plot);
  const step = (from: ReturnType<typeof steppedPoint>, key: string) => steppedPoint(placed, from, key);
  const start = step(null, 'ArrowRight');
  expect(start?.series.key).toBe('random');
  expect(step(start, 'ArrowRight')?.point.x).toBe(FACTORS[1]);
  // A value higher up is further up.
  expect(step(start, 'ArrowUp')).toMatchObject({ series: { key: 'frequency' }, point: { x: 2 } });
  expect(step(step(start, 'ArrowUp'), 'ArrowDown')).toBe(start);
  expect(step(start, 'a')).toBeNull();
  const reached = new Set<unknown>();
  let [curve, here] = [start, start];
  for (const _ of METHODS) {
    for (const __ of FACTORS) {
      reached.add(here);
      here = step(here, 'ArrowRight');
    }
    curve = step(curve, 'ArrowUp');
    here = curve;
  }
  expect(reached.size).toBe(placed.length);
});

test('rows stand below each other from the top, each curve in a line of its own', () => {
  const rows = rowsChart(
    ['16 → 8', '32 → 8'],
    [...marks].map(([key, mark]) => ({ key, mark })),
    ['16 → 8', '32 → 8'].flatMap((name, row) =>
      METHODS.map((curve) => ({ ...point(-0.1, 0), key: `${name} ${curve}`, row, curve })),
    ),
  );
  const { x } = { x: linearAxis([-1, 0], { title: '', label: String }) };
  const whole: Chart = { ...chart, x, ...rows };
  const heights = placePoints(whole, plot).map(({ y }) => y);
  expect(new Set(heights.map((y) => y.toFixed(3))).size).toBe(2 * METHODS.length);
  const { y } = chartScales(whole, plot);
  expect([y(0), y(2)]).toEqual([plot.top, plot.top + plot.height]);
  expect(whole.y.ticks.map((tick) => whole.y.label(tick))).toEqual(['16 → 8', '32 → 8']);
});
