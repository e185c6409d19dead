import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openChoiceSample } from '../../../main/profile/choice-sample.ts';
import { expertTokens, surprise } from '../../../main/profile/expert-tokens.ts';
import { tokenClass, tokenReader } from '../../../main/profile/token-reader.ts';

test('a token is classified by its own text and the text before it', () => {
  const classes = [
    ['the', ' ', 'word start'],
    [' the', 'of', 'word start'],
    ['ing', 'go', 'continuation'],
    ['b', '4', 'continuation'],
    ['b', '>', 'word start'],
    ['7', 'b', 'digit'],
    [' 42', '', 'digit'],
    ['),', 'a', 'punctuation'],
    ['=', '', 'punctuation'],
    ['\n', 'a', 'white space'],
    ['a1', '', 'word start'],
    ['1a', '', 'other'],
    ['\ufffd', '', 'other'],
  ] as const;
  for (const [text, before, expected] of classes) expect(tokenClass(text, before, false), text).toBe(expected);
  expect(tokenClass('</s>', '', true)).toBe('special');
});

test('surprise is 0 at the base rate, positive above, negative below, and grows with evidence', () => {
  expect(surprise(5, 10, 0.5)).toBe(0);
  // 10 ln(10 / 5) + 0.
  expect(surprise(10, 10, 0.5)).toBeCloseTo(10 * Math.LN2, 12);
  expect(surprise(0, 10, 0.5)).toBeCloseTo(-10 * Math.LN2, 12);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (of, share) => {
      const values = Array.from({ length: of + 1 }, (_, taken) => surprise(taken, of, share));
      values.slice(1).forEach((value, at) => expect(value).toBeGreaterThanOrEqual(values[at]! - 1e-9));
    }),
  );
});

/** Letters as tokens: 0 is "a", 1 is "b" ... ; 9 is special. */
const letters = 'abcdefgh ';
const decode = (ids: readonly number[]): string => ids.map((id) => (id === 9 ? '<s>' : letters[id])).join('');
const reader = tokenReader({ decode, decodeText: (ids) => decode(ids.filter((id) => id !== 9)) });

test('tokens, classes and positions of an expert add up to its choices', () => {
  const { sample } = openChoiceSample([[9, 0, 1, 8, 0, 1]], 1, 2);
  // Expert 0 takes every "a", the last one with more weight; expert 3 everything; others fill up.
  sample.experts.set([3, 1, 0, 3, 3, 1, 3, 1, 3, 0, 3, 2]);
  sample.weights.set([0.9, 0.1, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.25, 0.75, 1, 0]);
  const layer = { ...sample, topK: 2 };
  const found = expertTokens(layer, 0, reader);
  expect(found).toMatchObject({ sampled: 6, taken: 2 });
  expect(found.byCount).toEqual([
    {
      token: 0,
      text: 'a',
      taken: 2,
      of: 2,
      gate: expect.closeTo(1.35, 6),
      surprise: expect.closeTo(2 * Math.log(3), 6),
      contexts: [
        { before: '<s>ab ', token: 'a', behind: 'b', gate: expect.closeTo(0.75, 6) },
        { before: '<s>', token: 'a', behind: 'b ab', gate: expect.closeTo(0.6, 6) },
      ],
    },
  ]);
  expect(found.classes).toEqual([
    { name: 'word start', of: 2, taken: 2 },
    { name: 'continuation', of: 2, taken: 0 },
    { name: 'white space', of: 1, taken: 0 },
    { name: 'special', of: 1, taken: 0 },
  ]);
  expect(found.positions).toEqual([
    { from: 0, to: 0, of: 1, taken: 0 },
    { from: 1, to: 1, of: 1, taken: 1 },
    { from: 2, to: 3, of: 2, taken: 0 },
    { from: 4, to: 7, of: 2, taken: 1 },
  ]);
  // A token that is always taken is no surprise.
  expect(expertTokens(layer, 3, reader).bySurprise).toEqual([]);
  expect(expertTokens(layer, 3, reader).byCount.map(({ text, taken }) => [text, taken])).toEqual([
    ['a', 2],
    ['b', 2],
    [' ', 1],
    ['<s>', 1],
  ]);
});
