import { expect, test } from 'vitest';
import { maxOf, minOf } from '../../../main/statistics/extremes.ts';

test('finds the ends of more values than a call accepts', () => {
  const values = Array.from({ length: 1_000_000 }, (_, index) => (index * 7919) % 1_000_003);
  const ascending = values.toSorted((one, other) => one - other);
  expect([minOf(values), maxOf(values)]).toEqual([ascending[0], ascending.at(-1)]);
});

test('agrees with Math.max and Math.min on no values and on NaN', () => {
  for (const values of [[], [3, 1, 2], [1, Number.NaN, 2], [-0, 0]]) {
    expect(maxOf(values)).toBe(Math.max(...values));
    expect(minOf(values)).toBe(Math.min(...values));
  }
});
