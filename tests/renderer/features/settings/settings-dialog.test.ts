import { expect, test } from 'vitest';
import { typedNumber } from '../../../../renderer/features/settings/settings-dialog.tsx';

test.each([
  ['', null],
  [' ', null],
  ['3', 3],
  ['1.5', undefined],
  ['0', undefined],
  ['65', undefined],
  ['three', undefined],
  ['Infinity', undefined],
])('"%s" in a field of threads is %s', (typed, value) => {
  expect(typedNumber(typed, { least: 1, most: 64, whole: true })).toBe(value);
});
