import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inertiaOf, kernelKMeans } from '../../../../main/pruning/clustering/kernel-k-means.ts';
import { kMeansOptimiser } from '../../../../main/contract/plan.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

const gramOf = (rows: readonly (readonly number[])[]): Float64Array =>
  Float64Array.from(rows.flatMap((a) => rows.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0))));

const cost = (rows: readonly (readonly number[])[], labels: ArrayLike<number>): number =>
  rows.reduce((sum, row, node) => {
    const mates = rows.filter((_, other) => labels[other] === labels[node]);
    return (
      sum +
      row.reduce(
        (squares, value, k) => squares + (value - mates.reduce((mean, mate) => mean + mate[k]! / mates.length, 0)) ** 2,
        0,
      )
    );
  }, 0);

const rows = fc.array(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }), {
  minLength: 2,
  maxLength: 8,
});

const optimisers = kMeansOptimiser.options;

describe('kernelKMeans', () => {
  it.each(optimisers)('finds planted clusters (%s)', (optimiser) => {
    const planted = [
      [0, 0],
      [0.1, 0],
      [5, 5],
      [5.1, 5],
      [9, 0],
      [9, 0.1],
    ];
    expect([...kernelKMeans(gramOf(planted), 6, 3, seededRandom(1), { optimiser })]).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it.each(optimisers)('makes exactly k clusters, and every node is nearest to its own mean (%s)', (optimiser) => {
    fc.assert(
      fc.property(rows, fc.nat(), fc.nat(), (points, a, seed) => {
        const k = 1 + (a % points.length);
        const labels = kernelKMeans(gramOf(points), points.length, k, seededRandom(seed), { optimiser });
        expect(new Set(labels).size).toBe(k);
        // After convergence each node is at least as near to its own mean as to any other.
        const means = [...new Set(labels)].map((label) => {
          const members = points.filter((_, node) => labels[node] === label);
          return [0, 1, 2].map((axis) => members.reduce((sum, member) => sum + member[axis]! / members.length, 0));
        });
        points.forEach((point, node) => {
          const distances = means.map((mean) => Math.hypot(...mean.map((value, axis) => value - point[axis]!)));
          const alone = labels.filter((label) => label === labels[node]).length === 1;
          if (!alone) expect(distances[labels[node]!]!).toBeLessThanOrEqual(Math.min(...distances) + 1e-6);
        });
        if (k === points.length) expect(cost(points, labels)).toBeCloseTo(0, 9);
      }),
      { numRuns: 60 },
    );
  });

  it.each(optimisers)('makes k clusters of equal nodes too (%s)', (optimiser) => {
    expect(new Set(kernelKMeans(new Float64Array(25).fill(1), 5, 3, seededRandom(0), { optimiser })).size).toBe(3);
  });

  it('ends where no node can move to another cluster without raising the inertia', () => {
    fc.assert(
      fc.property(rows, fc.nat(), fc.nat(), (points, a, seed) => {
        const k = 1 + (a % points.length);
        const labels = kernelKMeans(gramOf(points), points.length, k, seededRandom(seed), { restarts: 1 });
        const inertia = cost(points, labels);
        expect(inertiaOf(gramOf(points), points.length, k, labels)).toBeCloseTo(inertia, 9);
        points.forEach((_, node) => {
          if (labels.filter((label) => label === labels[node]).length === 1) return;
          for (let cluster = 0; cluster < k; cluster += 1) {
            const moved = labels.map((label, at) => (at === node ? cluster : label));
            expect(cost(points, moved)).toBeGreaterThanOrEqual(inertia - 1e-9);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  it('ends lower by single moves than by Lloyd steps on many small clusters', () => {
    const random = seededRandom(7);
    const points = Array.from({ length: 32 }, () => Array.from({ length: 16 }, () => random.float()));
    const gram = gramOf(points);
    const inertia = (optimiser: 'lloyd' | 'hartigan', seed: number): number =>
      inertiaOf(gram, 32, 16, kernelKMeans(gram, 32, 16, seededRandom(seed), { restarts: 20, optimiser }));
    for (let seed = 0; seed < 5; seed += 1)
      expect(inertia('hartigan', seed)).toBeLessThan(0.97 * inertia('lloyd', seed));
  });
});
