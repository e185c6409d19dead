import { expect, test } from 'vitest';
import { z } from 'zod';
import { contrast, figureTheme } from '../../../main/figures/colors.ts';
import { curveLabel } from '../../../main/contract/method.ts';
import { markOutline, type MethodMark, methodMarks, methodStyle, runMark } from '../../../main/figures/method-marks.ts';
import { runsChart } from '../../../main/figures/difference-figure.ts';
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

test('in a chart of several runs, each type of rounded weights of a run has a colour and a dash of its own', () => {
  for (const name of ['light', 'dark'] as const) {
    const theme = figureTheme(name);
    const types = ['q8_0', 'q4_0'];
    const labels = ['reap', ...types.map((type) => `reap@${type}`)];
    const marks = labels.map((label) => runMark(0, label, 0, theme, types));
    expect(new Set(marks.map(({ color }) => color)).size).toBe(3);
    expect(new Set(marks.map(({ dash }) => dash)).size).toBe(3);
    expect(new Set(marks.map(({ shape }) => shape)).size).toBe(1);
    for (const { color } of marks) expect(contrast(color, theme.background)).toBeGreaterThan(3);
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
    ) ?? expect.fail('no chart');
  const colours = (names: readonly string[]) => new Set([...chart(names).marks.values()].map(({ color }) => color));
  const methods = new Set(
    [...chart(['one']).marks.keys()].map((key) => z.tuple([z.number(), z.string()]).parse(JSON.parse(key))[1]),
  );
  expect(methods.size).toBeGreaterThan(1);
  expect(colours(['one'])).toEqual(new Set([...methodMarks([...methods], theme).values()].map(({ color }) => color)));
  expect(colours(['one', 'two']).size).toBe(2);
});
