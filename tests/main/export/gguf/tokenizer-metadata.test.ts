import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeScores } from '../../../../main/export/gguf/tokenizer-metadata.ts';

/** Joins pairs in the order of a list of merges, the leftmost first. */
const byMerges = (text: string, merges: readonly (readonly [string, string])[]): readonly string[] => {
  let parts = Array.from(text);
  for (;;) {
    const found = merges.find(([left, right]) => parts.some((part, at) => part === left && parts[at + 1] === right));
    if (found === undefined) return parts;
    const at = parts.findIndex((part, index) => part === found[0] && parts[index + 1] === found[1]);
    parts = [...parts.slice(0, at), found[0] + found[1], ...parts.slice(at + 2)];
  }
};

/** Joins the pair whose result has the best score, the leftmost first, like llama.cpp. */
const byScores = (text: string, scores: ReadonlyMap<string, number>): readonly string[] => {
  let parts = Array.from(text);
  for (;;) {
    let [best, at] = [-Infinity, -1];
    for (let index = 0; index + 1 < parts.length; index += 1) {
      const score = scores.get((parts[index] ?? '') + (parts[index + 1] ?? '')) ?? -Infinity;
      if (score > best) [best, at] = [score, index];
    }
    if (at === -1) return parts;
    parts = [...parts.slice(0, at), (parts[at] ?? '') + (parts[at + 1] ?? ''), ...parts.slice(at + 2)];
  }
};

const merges = [
  ['a', 'b'],
  ['c', 'd'],
  ['ab', 'c'],
  ['ab', 'cd'],
  ['abc', 'd'],
] as const;
const pieces = ['a', 'b', 'c', 'd', 'ab', 'cd', 'abc', 'abcd'];

describe('scores of merges', () => {
  it('join like the merges', () => {
    const scores = mergeScores(
      pieces,
      merges.map(([left, right]) => [left, right]),
    );
    if (typeof scores === 'string') expect.fail(scores);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 12 }), (text) => {
        expect(byScores(text, scores)).toEqual(byMerges(text, merges));
      }),
    );
  });

  it('do not exist if they would join a pair that is not merged', () => {
    expect(
      mergeScores(
        pieces,
        [...merges.slice(0, 4)].map(([left, right]) => [left, right]),
      ),
    ).toBe('its merges do not join "abc" and "d", but scores would');
  });

  it('do not exist if another result lies between two ways to the same one', () => {
    const back: [string, string][] = [
      ['a', 'b'],
      ['b', 'c'],
      ['ab', 'c'],
      ['c', 'd'],
      ['a', 'bc'],
    ];
    expect(mergeScores(['a', 'b', 'c', 'd', 'ab', 'bc', 'abc', 'cd'], back)).toMatch(/return to "abc"/);
  });
});
