import { expect, test } from 'vitest';
import { drawnTimes } from '../../../main/profile/calibration-draws.ts';

const items = Array.from({ length: 300 }, (_, index) => ({ id: String(index) }));
const total = (times: readonly number[]): number => times.reduce((sum, count) => sum + count, 0);

test('a draw has as many items as asked for, the same ones for the same number, and others for another', () => {
  expect(total(drawnTimes(items, 300, 0))).toBe(300);
  expect(drawnTimes(items, 300, 0)).toEqual(drawnTimes(items, 300, 0));
  expect(drawnTimes(items, 300, 1)).not.toEqual(drawnTimes(items, 300, 0));
  expect(drawnTimes([], 300, 0)).toEqual([]);
});

test('a smaller draw is the beginning of a larger one', () => {
  const small = drawnTimes(items, 30, 3);
  const large = drawnTimes(items, 300, 3);
  expect(total(small)).toBe(30);
  small.forEach((count, item) => expect(count).toBeLessThanOrEqual(large[item]!));
});

test('all items are drawn equally often: chi-square of 400 draws within its 99.9 % range', () => {
  const counts = items.map(() => 0);
  for (let draw = 0; draw < 400; draw += 1)
    drawnTimes(items, 300, draw).forEach((count, item) => (counts[item]! += count));
  const expected = (400 * 300) / items.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 299 degrees of freedom: the 0.05 % and 99.95 % quantiles are about 225 and 384.
  expect(chiSquare).toBeGreaterThan(225);
  expect(chiSquare).toBeLessThan(384);
  // A draw with replacement leaves out a share of about 1/e.
  const left = drawnTimes(items, 300, 0).filter((count) => count === 0).length / items.length;
  expect(left).toBeGreaterThan(0.28);
  expect(left).toBeLessThan(0.46);
});

test('items of a passage are drawn together, until there are enough', () => {
  const grouped = Array.from({ length: 60 }, (_, index) => ({ id: String(index), group: `passage ${index % 12}` }));
  const times = drawnTimes(grouped, 30, 0);
  expect(total(times)).toBe(30);
  grouped.forEach(({ group }, index) => {
    const first = grouped.findIndex((item) => item.group === group);
    expect(times[index]).toBe(times[first]);
  });
  expect(total(drawnTimes(grouped, 31, 0))).toBe(35);
});
