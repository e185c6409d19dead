import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  countedTimes,
  formatBytes,
  formatCount,
  formatFactor,
  formatFixed,
  formatNumber,
  formatParameters,
  formatPercent,
  formatProbability,
  formatRoughPercent,
  formatSigned,
  listed,
} from '../../../main/words/numbers.ts';

test('how often is said in words', () => {
  expect([0, 1, 2].map(countedTimes)).toEqual(['0 times', 'once', '2 times']);
});

test.each([
  [0, '0'],
  [0.123456, '0.123'],
  [12.3456, '12.3'],
  [123456, '123456'],
  [-0.5, '−0.500'],
  [3.2e-7, '3.20e−7'],
  [2e9, '2.00e9'],
  [Number.NaN, 'not a number'],
  [Number.POSITIVE_INFINITY, '∞'],
])('three meaningful digits of %d are %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test('a difference shows its sign, and zero shows none', () => {
  expect([0.0123, -0.0123, 0, -0.00001].map((value) => formatSigned(value, 3))).toEqual([
    '+0.012',
    '−0.012',
    '0.000',
    '0.000',
  ]);
});

test('factors drop empty decimals, and no pruned model is shown as ×1', () => {
  expect([1, 2, 16 / 3, 10.5, 128 / 5].map(formatFactor)).toEqual(['×1', '×2', '×5.33', '×10.5', '×25.6']);
  expect([256 / 255, 384 / 383, 1 + 1e-12, 256 / 254].map(formatFactor)).toEqual(['×1.0039', '×1.0026', '×1', '×1.01']);
});

test('amounts carry their unit', () => {
  expect([
    formatCount(1234567),
    formatParameters(46_702_792_704),
    formatParameters(291_000),
    formatBytes(0),
    formatBytes(2_926_000),
  ]).toEqual(['1\u202f234\u202f567', '46.7\u202fB', '291\u202fK', '0\u202fB', '2.93\u202fMB']);
  expect([formatPercent(0.5, 0), formatFixed(-0, 2)]).toEqual(['50\u202f%', '0.00']);
});

test('a p-value is never shown as zero', () => {
  expect([0, 1e-9, 0.0123, 1].map(formatProbability)).toEqual(['< 0.001', '< 0.001', '0.012', '1']);
});

test('a rough share has two digits', () => {
  expect([0.5678, 0.0333, 0.8, 1].map(formatRoughPercent)).toEqual([
    '57\u202f%',
    '3.3\u202f%',
    '80\u202f%',
    '100\u202f%',
  ]);
});

test('a list joins every part, with one "and"', () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/).filter((text) => text !== 'and');
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (parts) => {
      expect(listed(parts).split(/, | and /)).toEqual(parts);
      expect(listed(parts).split(' and ')).toHaveLength(Math.min(2, parts.length));
    }),
  );
});
