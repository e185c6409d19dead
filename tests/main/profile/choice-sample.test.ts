import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addChoices,
  BEFORE,
  MOST_CHOICES,
  MOST_TOKENS,
  NO_TOKEN,
  openChoiceSample,
  sampleSize,
  WINDOW,
} from '../../../main/profile/choice-sample.ts';

test('a sample contains all tokens of a small profile and stays within its bounds for any model', () => {
  expect(sampleSize(3, 2, 5000)).toBe(5000);
  expect(sampleSize(3, 2, 1e9)).toBe(MOST_TOKENS);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 16 }), fc.nat(1e9), (layers, topK, all) => {
      const size = sampleSize(layers, topK, all);
      expect(size).toBeLessThanOrEqual(Math.min(all, MOST_TOKENS));
      expect(size * layers * topK).toBeLessThanOrEqual(MOST_CHOICES);
    }),
  );
});

test('windows contain the tokens around a token, and none of another sequence', () => {
  const { sample } = openChoiceSample([[5, 6], [7]], 1, 1);
  expect([...sample.positions]).toEqual([0, 1, 0]);
  const window = (row: number): readonly number[] => [...sample.windows.subarray(row * WINDOW, (row + 1) * WINDOW)];
  expect(window(1).slice(BEFORE - 2, BEFORE + 2)).toEqual([NO_TOKEN, 5, 6, NO_TOKEN]);
  expect(window(2).filter((token) => token !== NO_TOKEN)).toEqual([7]);
});

test('larger inputs are sampled evenly and reproducibly, without preferring a period of the text', () => {
  const length = 2 * MOST_TOKENS;
  const sequence = Array.from({ length }, (_, at) => at % 2);
  const { sample, rows } = openChoiceSample([sequence], 1, 1);
  expect(sample.size).toBe(MOST_TOKENS);
  const odd = Array.from({ length: sample.size }, (_, row) => sample.windows[row * WINDOW + BEFORE]!).reduce(
    (sum, token) => sum + token,
    0,
  );
  // Six standard deviations of a hypergeometric draw.
  expect(Math.abs(odd - sample.size / 2)).toBeLessThan(6 * Math.sqrt(sample.size / 8));
  expect(openChoiceSample([sequence], 1, 1).rows).toEqual(rows);
});

test('choices belong to their token, whatever the batches', () => {
  const opened = openChoiceSample(
    [
      [1, 2],
      [3, 4],
    ],
    2,
    2,
  );
  addChoices(opened, 1, 2, [2, 3], {
    experts: Int32Array.of(4, 5, 6, 7),
    weights: Float32Array.of(0.5, 0.5, 0.75, 0.25),
  });
  addChoices(opened, 1, 2, [1, 0], { experts: Int32Array.of(2, 3, 0, 1), weights: Float32Array.of(1, 0, 0.5, 0.5) });
  expect([...opened.sample.experts]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
  expect([...opened.sample.weights.subarray(8)]).toEqual([0.5, 0.5, 1, 0, 0.5, 0.5, 0.75, 0.25]);
});
