import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uncurlOptions } from '../../../../main/contract/plan.ts';
import { byFirstAppearance } from '../../../../main/pruning/clustering/cluster-labels.ts';
import {
  spectralClusters,
  type SpectralVariant,
  spectralEmbedding,
} from '../../../../main/pruning/clustering/spectral-clustering.ts';
import { inertiaOf } from '../../../../main/pruning/clustering/kernel-k-means.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

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

const published = { ...uncurlOptions.parse({}), seed: 0 };
/** scikit-learn's graph, and a deterministic assignment. */
const scikitLearn: SpectralVariant = { ...published, diagonal: 'excluded', assign: 'cluster-qr' };
const variants = (['kept', 'excluded'] as const).flatMap((diagonal) =>
  (['degree', 'unit-rows', 'plain'] as const).flatMap((embedding) =>
    (['k-means', 'cluster-qr'] as const).map((assign): SpectralVariant => ({
      diagonal,
      embedding,
      assign,
      optimiser: 'hartigan',
      starts: 20,
      seed: 3,
    })),
  ),
);

describe('spectralClusters', () => {
  it('finds planted groups', () => {
    const groups = [0, 1, 2, 0, 1, 2, 2, 0, 1, 0, 0, 2];
    const affinity = randomAffinity(4).map((value, at) =>
      groups[Math.floor(at / n)] === groups[at % n] ? 0.8 + 0.2 * value : 0.2 * value,
    );
    for (const variant of variants)
      expect([...spectralClusters(affinity, n, 3, variant)], JSON.stringify(variant)).toEqual(groups);
  });

  it('does not depend on the names of the nodes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: n }), (seed, k) => {
        const affinity = randomAffinity(seed);
        const names = seededRandom(seed + 1).shuffle(Array.from({ length: n }, (_, node) => node));
        const renamed = spectralClusters(rename(affinity, names), n, k, scikitLearn);
        const back = byFirstAppearance(Int32Array.from(names, (name) => renamed[name]!));
        expect([...back]).toEqual([...spectralClusters(affinity, n, k, scikitLearn)]);
      }),
    );
  });

  it('separates what is not connected', () => {
    const affinity = new Float64Array(n * n).map((_, at) => (Math.floor(at / n) < 5 === at % n < 5 ? 1 : 0));
    for (const variant of variants)
      expect([...spectralClusters(affinity, n, 2, variant)]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('puts a node without connections where its name does not matter', () => {
    for (let alone = 0; alone < n; alone++) {
      const names = [...new Array<number>(n).keys()];
      [names[0], names[alone]] = [alone, 0];
      const connected = randomAffinity(7).map((value, at) => (at !== 0 && (at < n || at % n === 0) ? 0 : value));
      const labels = spectralClusters(rename(connected, names), n, 3, scikitLearn);
      const back = byFirstAppearance(Int32Array.from(names, (name) => labels[name]!));
      expect([...back]).toEqual([...spectralClusters(connected, n, 3, scikitLearn)]);
    }
  });

  it('puts all together for 1 cluster and leaves each alone for n, whatever the affinity', () => {
    const silent = new Float64Array(n * n);
    expect([...spectralClusters(silent, n, 1, published)]).toEqual(new Array(n).fill(0));
    expect([...spectralClusters(silent, n, n, published)]).toEqual([...new Array(n).keys()]);
    expect(() => spectralClusters(silent, n, n + 1, published)).toThrow('13 clusters of 12');
  });

  it('counts self loops as edges where the diagonal is kept', () => {
    // Two weakly joined pairs, and a node whose loop outweighs its edges: without its loop this is lost.
    const affinity = Float64Array.of(1, 0.9, 0.2, 0.9, 1, 0.2, 0.2, 0.2, 9);
    const kept = spectralEmbedding(affinity, 3, 1, published).eigenvalues;
    const excluded = spectralEmbedding(affinity, 3, 1, scikitLearn).eigenvalues;
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    // The trace of I - D^-1/2 A D^-1/2.
    expect(sum(kept)).toBeCloseTo(3 - (1 / 2.1 + 1 / 2.1 + 9 / 9.4), 12);
    expect(sum(excluded)).toBeCloseTo(3, 12);
  });

  it('depends only on the seed where it draws', () => {
    const affinity = randomAffinity(11);
    const run = (seed: number) => [...spectralClusters(affinity, n, 4, { ...published, seed })];
    expect(run(5)).toEqual(run(5));
  });

  it('takes the start of least inertia: more starts never raise it, and the published 20 are the default', () => {
    const affinity = randomAffinity(11);
    const { vectors } = spectralEmbedding(affinity, n, 5, published);
    const gram = Float64Array.from(vectors.mmul(vectors.transpose()).to1DArray());
    const lloyd = { ...published, optimiser: 'lloyd' } as const;
    const of = (starts: number, seed: number) => spectralClusters(affinity, n, 5, { ...lloyd, starts, seed });
    for (let seed = 0; seed < 8; seed += 1) {
      const inertias = [1, 5, 20, 200].map((starts) => inertiaOf(gram, n, 5, of(starts, seed)));
      expect(inertias).toEqual([...inertias].sort((a, b) => b - a));
      expect([...spectralClusters(affinity, n, 5, { ...lloyd, seed })]).toEqual([...of(20, seed)]);
    }
    const agree = (starts: number) => new Set([0, 1, 2, 3, 4, 5, 6, 7].map((seed) => of(starts, seed).join())).size;
    expect(agree(1)).toBeGreaterThan(agree(200));
  });
});
