import { expect, test } from 'vitest';
import {
  amountScale,
  contrast,
  differenceScale,
  goodnessScale,
  inkOn,
  scaleSteps,
} from '../../../main/figures/colors.ts';

test('text on any colour of a map reaches 4.5 : 1', () => {
  const scales = [amountScale(1), differenceScale(1, 'light'), differenceScale(1, 'dark')];
  for (const color of scales.flatMap((scale) => scaleSteps(scale, 101)))
    expect(contrast(color, inkOn(color))).toBeGreaterThan(4.5);
});

test('a difference map is symmetric about its neutral middle', () => {
  const { color, domain } = differenceScale(0.3, 'light');
  expect(domain).toEqual([-0.3, 0.3]);
  expect(color(0)).toBe('#f1efec');
  expect(color(-0.3)).toBe('#2166ac');
  expect(color(5)).toBe(color(0.3));
});

test('a map of zeros does not divide by zero', () => {
  expect(amountScale(0).color(0)).toBe(amountScale(1).color(0));
  expect(differenceScale(0, 'dark').color(0)).toBe('#2b2d31');
});

test('what is better has the blue of safe verdicts, and what is worse their orange', () => {
  for (const theme of ['light', 'dark'] as const) {
    const [scale, difference] = [goodnessScale(0.3, theme), differenceScale(0.3, theme)];
    expect(scale.domain).toEqual([-0.3, 0.3]);
    expect([scale.color(0.3), scale.color(-0.3)]).toEqual([difference.color(-0.3), difference.color(0.3)]);
    expect(scaleSteps(scale, 3)).toEqual([scale.color(-0.3), scale.color(0), scale.color(0.3)]);
  }
});
