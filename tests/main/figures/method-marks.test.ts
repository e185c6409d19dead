import { expect, test } from 'vitest';
import { methodLabel } from '../../../main/contract/method.ts';
import { methodName } from '../../../main/contract/plan.ts';
import { markOutline, methodStyle } from '../../../main/figures/method-marks.ts';

const drawn = (label: string): string => {
  const { light, dash, shape, isRecovered } = methodStyle(label, 0);
  return JSON.stringify([light, dash, shape, isRecovered]);
};

test('every method and its recovered twin are drawn differently, in one colour', () => {
  const labels = methodName.options.flatMap((method) => [method, methodLabel(method, true)]);
  expect(new Set(labels.map(drawn)).size).toBe(labels.length);
  for (const method of methodName.options) {
    const [bare, recovered] = [methodStyle(method, 0), methodStyle(methodLabel(method, true), 1)];
    expect([recovered.light, recovered.dark, recovered.shape]).toEqual([bare.light, bare.dark, bare.shape]);
    expect(recovered.dash).not.toBe(bare.dash);
    expect([bare.isRecovered, recovered.isRecovered]).toEqual([false, true]);
  }
});

test('no two methods of one colour share their shape', () => {
  const looks = methodName.options
    .map((method) => methodStyle(method, 0))
    .map(({ light, shape }) => `${light} ${shape}`);
  expect(new Set(looks).size).toBe(looks.length);
});

test('names that are no method get a style too, and every shape is a closed path', () => {
  expect(methodStyle('mine', 0)).not.toEqual(methodStyle('yours', 1));
  expect(methodStyle('mine', -1)).toEqual(methodStyle('mine', 0));
  for (const { shape } of methodName.options.map((method) => methodStyle(method, 0)))
    expect(markOutline(shape, 5, 5, 3)).toMatch(/^M[\d. -]+.*Z$/);
});
