import { describe, expect, it } from 'vitest';
import { affinityName, type AffinityName } from '../../../../main/contract/plan.ts';
import { emptyRoutingStatistics, type RoutingTaps } from '../../../../main/profile/routing-statistics.ts';
import { expertAffinity } from '../../../../main/pruning/clustering/affinity.ts';
import { randomTaps, statisticsOf } from '../random-taps.ts';

const sizes = { layers: 2, experts: 7, topK: 2, tokens: 90 };
const layers = randomTaps(sizes, 21);
const statistics = statisticsOf(layers, sizes);

const columns = (rows: readonly (readonly number[])[]): number[][] =>
  rows[0]!.map((_, e) => rows.map((row) => row[e]!));
const rowsOf = ({ logits }: RoutingTaps): number[][] =>
  Array.from({ length: sizes.tokens }, (_, t) =>
    Array.from(logits.subarray(t * sizes.experts, (t + 1) * sizes.experts)),
  );
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const centred = (values: readonly number[]) => values.map((value) => value - mean(values));
const unit = (values: readonly number[]) => values.map((value) => value / Math.sqrt(dot(values, values)));
const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((value, k) => value - b[k]!));
const softmax = (row: readonly number[]) => {
  const exponentials = row.map(Math.exp);
  return exponentials.map((value) => value / (mean(exponentials) * row.length));
};

/** Each affinity computed directly from the logits, pair by pair. */
const direct: Readonly<Record<AffinityName, (taps: RoutingTaps) => (i: number, j: number) => number>> = {
  cosine: (taps) => {
    const z = columns(rowsOf(taps));
    return (i, j) => (cosine(z[i]!, z[j]!) + 1) / 2;
  },
  'centred-cosine': (taps) => {
    const z = columns(rowsOf(taps).map(centred));
    return (i, j) => (cosine(z[i]!, z[j]!) + 1) / 2;
  },
  pearson: (taps) => {
    const z = columns(rowsOf(taps)).map(centred);
    return (i, j) => Math.max(0, cosine(z[i]!, z[j]!));
  },
  rbf: (taps) => {
    const z = columns(rowsOf(taps)).map(unit);
    const all = z.flatMap((a, i) => z.slice(i + 1).map((b) => distance(a, b))).sort((a, b) => a - b);
    // 7 experts give 21 pairs: the middle one is the median.
    return (i, j) => Math.exp(-(distance(z[i]!, z[j]!) ** 2) / (2 * all[10]! ** 2));
  },
  'softmax-cosine': (taps) => {
    const p = columns(rowsOf(taps).map(softmax));
    return (i, j) => cosine(p[i]!, p[j]!);
  },
  coactivation: (taps) => (i, j) => {
    const sets = Array.from({ length: sizes.tokens }, (_, t) =>
      taps.experts.subarray(t * sizes.topK, (t + 1) * sizes.topK),
    );
    return i === j ? 0 : sets.filter((set) => set.includes(i) && set.includes(j)).length + 1e-3;
  },
};

describe('expertAffinity', () => {
  it.each(affinityName.options)('%s from the sums equals the affinity from the logits', (name) => {
    layers.forEach((taps, layer) => {
      const affinity = expertAffinity(name, statistics, layer);
      const expected = direct[name](taps);
      for (let i = 0; i < sizes.experts; i++) {
        for (let j = 0; j < sizes.experts; j++) {
          expect(affinity[i * sizes.experts + j], `${name} ${i},${j}`).toBeCloseTo(expected(i, j), 10);
        }
      }
    });
  });

  it.each(affinityName.options)(
    '%s stays finite, symmetric and non-negative where logits carry no information',
    (name) => {
      const silent = { ...emptyRoutingStatistics(1, 4, 2), tokens: 10 };
      const affinity = expertAffinity(name, silent, 0);
      affinity.forEach((value, at) => {
        expect(Number.isFinite(value) && value >= 0).toBe(true);
        expect(value).toBe(affinity[(at % 4) * 4 + Math.floor(at / 4)]);
      });
    },
  );

  it('treats a column without variance as uncorrelated', () => {
    const constant = { layers: 1, experts: 3, topK: 1, tokens: 50 };
    const [taps] = randomTaps(constant, 5);
    taps!.logits.forEach((_, at) => {
      if (at % 3 === 1) taps!.logits[at] = 0.1;
    });
    const affinity = expertAffinity('pearson', statisticsOf([taps!], constant), 0);
    expect([affinity[1], affinity[4], affinity[7]]).toEqual([0, 1, 0]);
  });

  it('recognises identical columns under a median distance of 0', () => {
    const twins = { layers: 1, experts: 3, topK: 1, tokens: 20 };
    const [taps] = randomTaps(twins, 6);
    taps!.logits.forEach((_, at) => (taps!.logits[at] = taps!.logits[at - (at % 3)]!));
    expect([...expertAffinity('rbf', statisticsOf([taps!], twins), 0)]).toEqual(new Array(9).fill(1));
  });
});
