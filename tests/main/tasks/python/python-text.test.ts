import { expect, test } from 'vitest';
import { compareTexts, isBlank, splitAtSpace, strip } from '../../../../main/tasks/python/python-text.ts';

test("white space is Python's, which is not JavaScript's", () => {
  expect(strip('\u001c\u0085\u3000 a b \ufeff', 'both', null)).toBe('a b \ufeff');
  expect(strip('xxaxbx', 'left', 'xa')).toBe('bx');
  expect(splitAtSpace(' a\u001d b\n')).toEqual(['a', 'b']);
  expect([isBlank(' \u0085'), isBlank('\ufeff')]).toEqual([true, false]);
});

test('texts are compared by code point', () => {
  expect(compareTexts('\u{1f600}', '\uffee')).toBeGreaterThan(0);
  expect(compareTexts('a', 'ab')).toBeLessThan(0);
  expect(compareTexts('ab', 'ab')).toBe(0);
});
