import { expect, test } from 'vitest';
import { z } from 'zod';
import { contrast, figureTheme } from '../../../main/figures/colors.ts';
import { weightType } from '../../../main/contract/export.ts';
import { curveLabel } from '../../../main/contract/method.ts';
import {
  markOutline,
  type MethodMark,
  methodMarks,
  methodStyle,
  runMarks,
  weightsMark,
} from '../../../main/figures/method-marks.ts';
import { runsChart } from '../../../main/figures/difference-chart.ts';
import { methodNames } from '../../../main/pruning/methods.ts';
import { sampleSweep } from './sample-run.ts';

const every = methodNames.flatMap((method) => [method, curveLabel(method, 'experts')]);
const marks = methodMarks(every, figureTheme('light'));
const markOf = (label: string): MethodMark => marks.get(label) ?? expect.fail(label);

test('every method and its recovered variant are drawn differently, in one colour', () => {
  expect(new Set(every.map((label) => JSON.stringify(markOf(label)))).size).toBe(every.length);
  for (const method of methodNames) {
    const [bare, recovered] = [markOf(method), markOf(curveLabel(method, 'experts'))];
    expect([recovered.color, recovered.shape]).toEqual([bare.color, bare.shape]);
    expect(recovered.dash).not.toBe(bare.dash);
    expect([bare.isRecovered, recovered.isRecovered]).toEqual([false, true]);
  }
});

test('no two methods of one colour share their shape', () => {
  const looks = methodNames.map(markOf).map(({ color, shape }) => `${color} ${shape}`);
  expect(new Set(looks).size).toBe(looks.length);
});

test('four methods without a permanent mark are drawn differently, and a recovered variant like its method', () => {
  const marks = methodMarks(['a', 'a+recovery', 'reap', 'b', 'c', 'b+recovery', 'd'], figureTheme('light'));
  const look = (label: string): string => {
    const { color, dash, shape } = marks.get(label) ?? expect.fail(label);
    return [color, dash, shape].join(' ');
  };
  expect(new Set(['a', 'b', 'c', 'd', 'reap'].map(look)).size).toBe(5);
  expect([look('a+recovery').split(' ')[0], marks.get('a+recovery')?.shape]).toEqual([
    look('a').split(' ')[0],
    marks.get('a')?.shape,
  ]);
  expect(look('a+recovery')).not.toBe(look('a'));
});

test('names that are not a method get a style too, and every shape is a closed path', () => {
  expect(methodStyle('mine', 0)).not.toEqual(methodStyle('yours', 1));
  expect(methodStyle('mine', -1)).toEqual(methodStyle('mine', 0));
  for (const { shape } of methodNames.map((method) => methodStyle(method, 0)))
    expect(markOutline(shape, 5, 5, 3)).toMatch(/^M[\d. -]+.*Z$/);
});

/** Distance of two colours in Oklab. */
const distance = (one: string, other: string): number => {
  const oklab = (color: string): readonly number[] => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
      .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [
      0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
      1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
      0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
    ];
  };
  const [left, right] = [oklab(one), oklab(other)];
  return Math.hypot(...left.map((value, index) => value - (right[index] ?? 0)));
};

/** A colour is told from another one side by side from about 0.02 on; thin lines and small marks need more. */
const TOLD_APART = 0.1;

const expectApart = (colors: readonly string[], background: string): void => {
  colors.forEach((color, index) => {
    expect(contrast(color, background), color).toBeGreaterThan(3);
    for (const other of colors.slice(index + 1))
      expect(distance(color, other), `${color} ${other}`).toBeGreaterThan(TOLD_APART);
  });
};

test.each(['light', 'dark'] as const)('every type of weights has a colour of its own, told apart in %s', (name) => {
  const theme = figureTheme(name);
  expectApart(
    weightType.options.map((type) => weightsMark(type, null, theme).color),
    theme.background,
  );
});

test.each(['light', 'dark'] as const)('each type of weights of each run has a colour and a dash in %s', (name) => {
  const theme = figureTheme(name);
  const methods = ['reap', 'reap@q8_0', 'reap@q4_0', 'reap@int4'];
  for (const runs of [[0], [0, 1]]) {
    const curves = runs.flatMap((run) => methods.map((method) => ({ key: `${String(run)} ${method}`, run, method })));
    const marks = [...runMarks(curves, theme).values()];
    expect(marks).toHaveLength(curves.length);
    expectApart(
      marks.map(({ color }) => color),
      theme.background,
    );
    expect(new Set(marks.slice(0, methods.length).map(({ dash }) => dash)).size).toBe(methods.length);
    expect(new Set(marks.map(({ shape }) => shape)).size).toBe(1);
  }
});

test('the curves of one run have the colours of its methods, those of several runs a colour for each run', () => {
  const theme = figureTheme('light');
  const document = sampleSweep();
  const [first] = document.results;
  if (first === undefined) throw new Error('the sweep has no results');
  const chart = (names: readonly string[]) =>
    runsChart(
      names.map((name) => ({ name, document })),
      { model: first.model, task: first.task, delta: 0.02, theme },
      [],
    ) ?? expect.fail('no chart');
  const colours = (names: readonly string[]) => new Set(chart(names).figure.legend.map(({ mark: { color } }) => color));
  const series = chart(['one']).figure.charts.flatMap((one) => one.series);
  const methods = new Set(series.map(({ key }) => z.tuple([z.number(), z.string()]).parse(JSON.parse(key))[1]));
  expect(methods.size).toBeGreaterThan(1);
  expect(colours(['one'])).toEqual(new Set([...methodMarks([...methods], theme).values()].map(({ color }) => color)));
  expect(colours(['one', 'two']).size).toBe(2);
});
