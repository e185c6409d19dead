import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  cappedClusters,
  cutLinkage,
  linkage,
  type LinkageName,
  linkageNames,
  penalisedClusters,
  leafOrder,
  type Merge,
  averageLinkageTree,
} from '../../../../main/pruning/clustering/linkage.ts';
import { pairwiseDistances } from '../../../../main/pruning/clustering/distances.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

const points = (n: number, width: number, seed: number): Float64Array => {
  const random = seededRandom(seed);
  return Float64Array.from({ length: n * width }, () => random.float());
};
const rowOf = (rows: Float64Array, width: number, at: number): number[] => [
  ...rows.subarray(at * width, (at + 1) * width),
];

/** Distance of two clusters by its definition on points. */
const between = (
  name: LinkageName,
  rows: Float64Array,
  width: number,
  a: readonly number[],
  b: readonly number[],
): number => {
  const pairs = a.flatMap((i) =>
    b.map((j) => Math.hypot(...rowOf(rows, width, i).map((value, k) => value - rows[j * width + k]!))),
  );
  if (name === 'single') return Math.min(...pairs);
  if (name === 'complete') return Math.max(...pairs);
  if (name === 'average') return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
  const mean = (members: readonly number[]) =>
    Array.from({ length: width }, (_, k) => members.reduce((sum, i) => sum + rows[i * width + k]! / members.length, 0));
  const gap = Math.hypot(...mean(a).map((value, k) => value - mean(b)[k]!));
  return Math.sqrt((2 * a.length * b.length) / (a.length + b.length)) * gap;
};

describe('linkage', () => {
  it.each(linkageNames)('%s joins the nearest two clusters by its definition, at its heights', (name) => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(), (n, seed) => {
        const [width, rows] = [3, points(n, 3, seed)];
        let clusters = Array.from({ length: n }, (_, node) => [node]);
        for (const { first, second, height } of linkage(pairwiseDistances('euclidean', rows, n), n, name)) {
          const all = clusters.flatMap((a, i) => clusters.slice(i + 1).map((b) => between(name, rows, width, a, b)));
          expect(height).toBeCloseTo(Math.min(...all), 9);
          const [a, b] = [
            clusters.find((members) => members.includes(first))!,
            clusters.find((members) => members.includes(second))!,
          ];
          expect(between(name, rows, width, a, b)).toBeCloseTo(height, 9);
          clusters = [...clusters.filter((members) => members !== a && members !== b), [...a, ...b]];
        }
        expect(clusters).toHaveLength(1);
      }),
      { numRuns: 40 },
    );
  });

  it('cuts into as many clusters as asked for, labelled by first appearance', () => {
    const rows = Float64Array.of(0, 10, 0.1, 10.1, 30);
    const merges = linkage(pairwiseDistances('euclidean', rows, 5), 5, 'average');
    expect([...cutLinkage(merges, 5, 3)]).toEqual([0, 1, 0, 1, 2]);
    expect([...cutLinkage(merges, 5, 5)]).toEqual([0, 1, 2, 3, 4]);
    expect([...cutLinkage(merges, 5, 1)]).toEqual([0, 0, 0, 0, 0]);
    expect(() => cutLinkage(merges, 5, 6)).toThrow('cannot make 6 clusters');
  });

  it('joins the lower nodes of equal distances', () => {
    expect(linkage(new Float64Array(16).fill(1), 4, 'average').map(({ first, second }) => [first, second])).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
    ]);
  });
});

describe('cappedClusters', () => {
  it('never makes a cluster larger than its capacity', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 5 }), fc.nat(), (n, capacity, seed) => {
        const k = Math.min(n, Math.ceil(n / capacity) + 2);
        const labels = cappedClusters(pairwiseDistances('euclidean', points(n, 2, seed), n), n, k, capacity);
        const sizes = [...new Set(labels)].map((label) => labels.filter((other) => other === label).length);
        expect(sizes).toHaveLength(k);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(capacity);
      }),
    );
  });

  it('reports that no union fits', () => {
    expect(() => cappedClusters(new Float64Array(16).fill(1), 4, 1, 2)).toThrow(
      '4 experts cannot be joined to 1 groups of at most 2',
    );
  });
});

describe('penalisedClusters', () => {
  it('joins rare experts before frequent ones that lie nearer', () => {
    const rows = Float64Array.of(0, 1, 10, 12);
    const distances = pairwiseDistances('euclidean', rows, 4);
    expect([...penalisedClusters(distances, Float64Array.of(10, 10, 0.1, 0.1), 3, null)]).toEqual([0, 1, 2, 2]);
    expect([...penalisedClusters(distances, Float64Array.of(1, 1, 1, 1), 3, null)]).toEqual([0, 0, 1, 2]);
  });
});

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
