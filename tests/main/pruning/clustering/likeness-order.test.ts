import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leafOrder } from '../../../../main/pruning/clustering/likeness-order.ts';
import { linkage } from '../../../../main/pruning/clustering/linkage.ts';

const distancesOf = (points: readonly number[]): Float64Array =>
  Float64Array.from(points.flatMap((a) => points.map((b) => Math.abs(a - b))));

test('nodes that join early stand side by side', () => {
  const points = [0, 10, 0.1, 10.2, 5];
  const order = leafOrder(linkage(distancesOf(points), 5, 'average'), 5);
  expect(Math.abs(order.indexOf(0) - order.indexOf(2))).toBe(1);
  expect(Math.abs(order.indexOf(1) - order.indexOf(3))).toBe(1);
});

test('every node is there once, however the distances tie', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 9 }), (points) => {
      const n = points.length;
      expect([...leafOrder(linkage(distancesOf(points), n, 'average'), n)].sort((a, b) => a - b)).toEqual(
        points.map((_, node) => node),
      );
    }),
  );
});
