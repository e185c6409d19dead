import { expect, it } from 'vitest';
import { rewrittenTable } from '../../../main/export/router-tensors.ts';

const rewritten = (
  rows: readonly number[],
  topK: number,
  experts: number,
  kept: readonly number[],
): readonly number[] => Array.from(rewrittenTable(BigInt64Array.from(rows, BigInt), topK, experts, kept), Number);

it('leaves kept experts, and replaces the others by the next kept one that the row does not hold', () => {
  // Kept 1, 2, 5 become 0, 1, 2.
  expect(rewritten([1, 5], 2, 6, [1, 2, 5])).toEqual([0, 2]);
  expect(rewritten([0, 2], 2, 6, [1, 2, 5])).toEqual([0, 1]);
  expect(rewritten([3, 5], 2, 6, [1, 2, 5])).toEqual([0, 2]);
  expect(rewritten([0, 4], 2, 6, [1, 2, 5])).toEqual([0, 2]);
  expect(rewritten([4, 3], 2, 6, [1, 2, 5])).toEqual([2, 0]);
});

it('gives every row as many different experts as before', () => {
  const rows = Array.from({ length: 12 }, (_, first) => [0, 4, 7].map((step) => (first + step) % 12));
  const kept = [0, 3, 4, 8, 11];
  const after = rewritten(rows.flat(), 3, 12, kept);
  rows.forEach((_, row) => {
    const own = after.slice(3 * row, 3 * row + 3);
    expect(new Set(own).size).toBe(3);
    expect(own.every((expert) => expert >= 0 && expert < kept.length)).toBe(true);
  });
});

it('refuses an entry that is no expert, and fewer experts than a row holds', () => {
  expect(() => rewritten([0, -7], 2, 6, [1, 2, 5])).toThrow('holds -7, which is no expert');
  expect(() => rewritten([0, 6], 2, 6, [1, 2, 5])).toThrow('holds 6, which is no expert');
  expect(() => rewritten([0, 1], 2, 6, [1])).toThrow('1 experts cannot fill rows of 2');
});
