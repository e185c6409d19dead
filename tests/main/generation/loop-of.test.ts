import { expect, test } from 'vitest';
import { loopOf } from '../../../main/generation/loop-of.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

/** `count` tokens without any repeat. */
const fresh = (count: number, from = 1_000): number[] => Array.from({ length: count }, (_, index) => from + index);
const repeated = (period: number, length: number): number[] =>
  Array.from({ length }, (_, index) => 1 + (index % period));

test.each([1, 2, 7, 8, 16, 64])('a period of %i tokens is found, with its beginning', (period) => {
  const length = Math.max(32, 4 * period);
  expect(loopOf(repeated(period, length))).toEqual({ token: 0, period });
  expect(loopOf([...fresh(20), ...repeated(period, length)])).toEqual({ token: 20, period });
  // A loop that breaks off in the middle of its period is one all the same.
  expect(loopOf([...fresh(20), ...repeated(period, length + 1)])).toEqual({ token: 20, period });
});

test('a text that repeats too little, too seldom, or not at its end has not looped', () => {
  expect(loopOf([])).toBeNull();
  expect(loopOf(repeated(1, 31))).toBeNull();
  expect(loopOf(repeated(10, 39))).toBeNull();
  expect(loopOf(repeated(65, 4 * 65))).not.toEqual(expect.objectContaining({ period: 65 }));
  expect(loopOf([...repeated(4, 64), ...fresh(1)])).toBeNull();
  expect(loopOf(fresh(300))).toBeNull();
});

test('a text whose last 128 tokens hold fewer than a tenth new trigrams has looped without a period', () => {
  // A cycle of 100 tokens is longer than any period, but says nothing new.
  expect(loopOf([...fresh(50), ...repeated(100, 300)])).toEqual({ token: 222, period: null });
  // 126 trigrams: 12 new ones are fewer than a tenth, 13 are not.
  const stale = (news: number): number[] => [...repeated(100, 300 - news), ...fresh(news)];
  expect(loopOf(stale(12))).toEqual({ token: 172, period: null });
  expect(loopOf(stale(13))).toBeNull();
});

test('random tokens of a large vocabulary have not looped; those of two tokens hold nothing new', () => {
  const random = seededRandom(1);
  const drawn = (vocabulary: number): number[] => Array.from({ length: 400 }, () => random.integer(vocabulary));
  expect(loopOf(drawn(1_000))).toBeNull();
  expect(loopOf(drawn(2))).toEqual({ token: 272, period: null });
});
