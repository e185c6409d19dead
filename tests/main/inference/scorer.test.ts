import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rollingWindows, scoredSequence } from '../../../main/inference/scorer.ts';

const tokens = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(99), { minLength, maxLength });

describe('a scored sequence', () => {
  it('is the context and continuation without the last token, cut on the left', () => {
    expect(scoredSequence('a', [1, 2, 3], [4, 5], 10)).toEqual({
      input: [1, 2, 3, 4],
      targets: [4, 5],
      truncatedTokens: 0,
    });
    expect(scoredSequence('a', [1, 2, 3], [4, 5], 3)).toEqual({
      input: [2, 3, 4],
      targets: [4, 5],
      truncatedTokens: 1,
    });
    expect(scoredSequence('a', [1, 2, 3], [4, 5], 2)).toEqual({ input: [3, 4], targets: [4, 5], truncatedTokens: 2 });
  });

  it('is (context + continuation)[-(max + 1):][:-1] for all lengths', () => {
    fc.assert(
      fc.property(tokens(1, 12), tokens(1, 6), fc.integer({ min: 6, max: 20 }), (context, continuation, max) => {
        const { input, targets, truncatedTokens } = scoredSequence('a', context, continuation, max);
        expect(input).toEqual([...context, ...continuation].slice(-(max + 1)).slice(0, -1));
        expect(targets).toEqual(continuation);
        expect(truncatedTokens + input.length + 1).toBe(context.length + continuation.length);
      }),
    );
  });

  it('needs tokens on both sides, and positions for the continuation', () => {
    expect(() => scoredSequence('item 7', [], [1], 4)).toThrow(
      /item "item 7": context and continuation need at least one token each/,
    );
    expect(() => scoredSequence('item 7', [1], [], 4)).toThrow(/at least one token each/);
    expect(() => scoredSequence('item 7', [1], [1, 2, 3, 4, 5], 4)).toThrow(
      /its continuation has 5 tokens, the model 4 positions/,
    );
  });
});

describe('rolling windows', () => {
  it('start with the prefix token, and later ones look back as far as the model can', () => {
    expect(rollingWindows([1, 2, 3, 4, 5, 6, 7], 0, 3)).toEqual([
      { input: [0, 1, 2], targets: [1, 2, 3], truncatedTokens: 0 },
      { input: [3, 4, 5], targets: [4, 5, 6], truncatedTokens: 0 },
      { input: [4, 5, 6], targets: [7], truncatedTokens: 0 },
    ]);
    expect(rollingWindows([], 0, 3)).toEqual([]);
  });

  it('predict every token once, from the tokens right before it', () => {
    fc.assert(
      fc.property(tokens(0, 40), fc.integer({ min: 1, max: 12 }), (text, max) => {
        const windows = rollingWindows(text, 0, max);
        expect(windows.flatMap(({ targets }) => targets)).toEqual(text);
        const whole = [0, ...text];
        let predicted = 0;
        for (const { input, targets } of windows) {
          predicted += targets.length;
          expect(input.length).toBeLessThanOrEqual(max);
          expect(input).toEqual(whole.slice(Math.max(0, predicted - input.length), predicted));
          expect(input.length).toBeGreaterThanOrEqual(targets.length);
        }
      }),
    );
  });
});
