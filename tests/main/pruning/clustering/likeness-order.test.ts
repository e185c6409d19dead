import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leafOrder } from '../../../../main/pruning/clustering/likeness-order.ts';
import { linkage, type Merge } from '../../../../main/pruning/clustering/linkage.ts';
import { averageLinkageTree } from '../../../../main/pruning/clustering/nearest-neighbour-chain.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

const distancesOf = (points: readonly number[]): Float64Array =>
  Float64Array.from(points.flatMap((a) => points.map((b) => Math.abs(a - b))));

test('nodes that join early are adjacent', () => {
  const points = [0, 10, 0.1, 10.2, 5];
  const order = leafOrder(linkage(distancesOf(points), 5, 'average'), 5);
  expect(Math.abs(order.indexOf(0) - order.indexOf(2))).toBe(1);
  expect(Math.abs(order.indexOf(1) - order.indexOf(3))).toBe(1);
});

test('every node appears once, however the distances tie', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 9 }), (points) => {
      const n = points.length;
      expect([...leafOrder(linkage(distancesOf(points), n, 'average'), n)].sort((a, b) => a - b)).toEqual(
        points.map((_, node) => node),
      );
    }),
  );
});

test('chains of nearest neighbours find the tree of the plain algorithm, at the same heights', () => {
  const random = seededRandom(3);
  for (let n = 1; n <= 40; n += 1) {
    const points = Array.from({ length: n }, () => [random.float(), random.float()] as const);
    const distances = Float64Array.from(points.flatMap(([x, y]) => points.map(([u, v]) => Math.hypot(x - u, y - v))));
    const key = ({ first, second }: Merge): string => `${String(first)} ${String(second)}`;
    const [plain, chained] = [linkage(distances, n, 'average'), averageLinkageTree(distances, n)];
    const heights = new Map(plain.map((merge) => [key(merge), merge.height]));
    expect(chained.map(key).sort()).toEqual([...heights.keys()].sort());
    for (const merge of chained) expect(merge.height).toBeCloseTo(heights.get(key(merge))!, 10);
  }
});

test('chains end where everything ties', () => {
  const same = new Float64Array(36).fill(1);
  expect(averageLinkageTree(same, 6)).toHaveLength(5);
  expect([...leafOrder(averageLinkageTree(same, 6), 6)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});
