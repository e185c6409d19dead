import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byFirstAppearance, spectralClusters } from '../../../main/pruning/spectral-clustering.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

const n = 12;
const randomAffinity = (seed: number): Float64Array => {
  const random = seededRandom(seed);
  const affinity = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) affinity[i * n + j] = affinity[j * n + i] = random.float();
    affinity[i * n + i] = 1;
  }
  return affinity;
};
/** Node i becomes node names[i]. */
const rename = (affinity: Float64Array, names: readonly number[]): Float64Array => {
  const renamed = new Float64Array(n * n);
  names.forEach((to, i) => names.forEach((other, j) => (renamed[to * n + other] = affinity[i * n + j]!)));
  return renamed;
};

describe('spectralClusters', () => {
  it('finds planted groups', () => {
    const groups = [0, 1, 2, 0, 1, 2, 2, 0, 1, 0, 0, 2];
    const affinity = randomAffinity(4).map((value, at) =>
      groups[Math.floor(at / n)] === groups[at % n] ? 0.8 + 0.2 * value : 0.2 * value,
    );
    expect([...spectralClusters(affinity, n, 3)]).toEqual(groups);
  });

  it('does not depend on the names of the nodes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: n }), (seed, k) => {
        const affinity = randomAffinity(seed);
        const names = seededRandom(seed + 1).shuffle(Array.from({ length: n }, (_, node) => node));
        const renamed = spectralClusters(rename(affinity, names), n, k);
        const back = byFirstAppearance(Int32Array.from(names, (name) => renamed[name]!));
        expect([...back]).toEqual([...spectralClusters(affinity, n, k)]);
      }),
    );
  });

  it('separates what is not connected', () => {
    const affinity = new Float64Array(n * n).map((_, at) => (Math.floor(at / n) < 5 === at % n < 5 ? 1 : 0));
    expect([...spectralClusters(affinity, n, 2)]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('puts a node without connections where its name does not matter', () => {
    for (let alone = 0; alone < n; alone++) {
      const names = [...new Array<number>(n).keys()];
      [names[0], names[alone]] = [alone, 0];
      const connected = randomAffinity(7).map((value, at) => (at !== 0 && (at < n || at % n === 0) ? 0 : value));
      const labels = spectralClusters(rename(connected, names), n, 3);
      const back = byFirstAppearance(Int32Array.from(names, (name) => labels[name]!));
      expect([...back]).toEqual([...spectralClusters(connected, n, 3)]);
    }
  });

  it('puts all together for 1 cluster and leaves each alone for n, whatever the affinity', () => {
    const silent = new Float64Array(n * n);
    expect([...spectralClusters(silent, n, 1)]).toEqual(new Array(n).fill(0));
    expect([...spectralClusters(silent, n, n)]).toEqual([...new Array(n).keys()]);
    expect(() => spectralClusters(silent, n, n + 1)).toThrow('13 clusters of 12');
  });
});
