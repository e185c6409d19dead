import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  atIndices,
  byFallingValue,
  canSubtract,
  goneThere,
  indicesInCopy,
  inOrder,
  isOrderOf,
  orderByValue,
} from '../../../main/figures/cell-matrix.ts';
import { sampleProfile } from './sample-run.ts';

test('experts are ordered by falling value, ties by number, and those without a value come last', () => {
  expect(byFallingValue([1, null, 3, 3, -2])).toEqual([2, 3, 0, 4, 1]);
});

test('an order by value names every expert once, with falling values', () => {
  const row = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 3 }), (matrix) => {
      const order = orderByValue(matrix);
      expect(isOrderOf(order, matrix.length, 4)).toBe(true);
      for (const sorted of inOrder(matrix, order)) expect(sorted).toEqual([...sorted].sort((a, b) => b - a));
    }),
  );
});

test('an order that misses, repeats or exceeds the experts is invalid', () => {
  expect([[[0, 1]], [[0, 0, 1]], [[0, 1, 3]], []].map((order) => isOrderOf(order, 1, 3))).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(isOrderOf([[2, 0, 1]], 1, 3)).toBe(true);
});

test('a pruned copy is read in the numbering of its source, and what it lacks is gone', () => {
  const indices = indicesInCopy([[1, 3]], 4);
  expect(indices).toEqual([[null, 0, null, 1]]);
  expect(atIndices([[10, 20]], indices)).toEqual([[null, 10, null, 20]]);
  const subtracted = { name: 'copy', profile: sampleProfile('t', 1, 2), indices };
  expect(goneThere(subtracted)).toEqual([[true, false, true, false]]);
  expect(canSubtract(sampleProfile('t', 1, 4), subtracted)).toBe(true);
  expect(canSubtract(sampleProfile('t', 1, 5), subtracted)).toBe(false);
  expect(canSubtract(sampleProfile('t', 1, 4), { ...subtracted, indices: null })).toBe(false);
});
