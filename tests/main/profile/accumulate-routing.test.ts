import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import {
  emptyRoutingStatistics,
  type RoutingStatistics,
  type RoutingTaps,
} from '../../../main/profile/routing-statistics.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { randomTaps, renameExperts, reorderTokens, statisticsOf } from '../pruning/random-taps.ts';

const sums = [
  ...['counts', 'gateMass', 'probabilitySelected', 'probabilityMass', 'eanSum', 'reapSum'],
  ...['logitSum', 'logitGram', 'probabilityGram', 'coactivation'],
] as const satisfies readonly (keyof RoutingStatistics)[];

/** Each definition, computed again token by token. */
const plainly = (taps: RoutingTaps, experts: number, topK: number): RoutingStatistics => {
  const s = emptyRoutingStatistics(1, experts, topK);
  for (let t = 0; t < taps.logits.length / experts; t++) {
    const z = Array.from(taps.logits.subarray(t * experts, (t + 1) * experts));
    const total = z.reduce((sum, value) => sum + Math.exp(value), 0);
    const p = z.map((value) => Math.exp(value) / total);
    z.forEach((zi, i) => {
      s.logitSum[i]! += zi;
      s.probabilityMass[i]! += p[i]!;
      z.forEach((zj, j) => (s.logitGram[i * experts + j]! += zi * zj));
      p.forEach((pj, j) => (s.probabilityGram[i * experts + j]! += p[i]! * pj));
    });
    const slots = Array.from({ length: topK }, (_, k) => t * topK + k);
    for (const slot of slots) {
      const e = taps.experts[slot]!;
      s.counts[e]! += 1;
      s.gateMass[e]! += taps.weights[slot]!;
      s.probabilitySelected[e]! += p[e]!;
      s.eanSum[e]! += taps.norms[slot]!;
      s.reapSum[e]! += taps.weights[slot]! * taps.norms[slot]!;
      for (const other of slots) s.coactivation[e * experts + taps.experts[other]!]! += 1;
    }
  }
  return s;
};

const expectSame = (actual: RoutingStatistics, expected: RoutingStatistics): void => {
  for (const name of sums) {
    const largest = expected[name].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    actual[name].forEach((value, at) => {
      if (Math.abs(value - expected[name][at]!) > 1e-9 * largest) {
        expect.fail(`${name}[${at}] is ${value} instead of ${expected[name][at]}`);
      }
    });
  }
};

const sizes = fc
  .record({
    layers: fc.constant(1),
    experts: fc.integer({ min: 2, max: 9 }),
    topK: fc.integer({ min: 1, max: 2 }),
    tokens: fc.integer({ min: 1, max: 40 }),
  })
  .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: 1e6 })));

describe('accumulateRouting', () => {
  it('matches the definitions', () => {
    fc.assert(
      fc.property(sizes, ([size, seed]) => {
        const layers = randomTaps(size, seed);
        expectSame(statisticsOf(layers, size), plainly(layers[0]!, size.experts, size.topK));
      }),
    );
  });

  it('does so over several tiles of tokens and an odd number of experts', () => {
    const size = { layers: 1, experts: 7, topK: 2, tokens: 600 };
    const layers = randomTaps(size, 3);
    expectSame(statisticsOf(layers, size), plainly(layers[0]!, 7, 2));
  });

  it('counts no rows after those of the experts, which take part in the probabilities', () => {
    const [experts, all] = [5, 7];
    const size = { layers: 1, experts: all, topK: 2, tokens: 300 };
    const layers = randomTaps(size, 4);
    const ofAll = statisticsOf(layers, size);
    const [found, expected] = [emptyRoutingStatistics(1, experts, 2), emptyRoutingStatistics(1, experts, 2)];
    accumulateRouting(found, 0, layers[0]!);
    for (const name of sums) {
      const rows = ofAll[name].length / all;
      expected[name].set(ofAll[name].filter((_, at) => at % all < experts && (rows === 1 || at < experts * all)));
    }
    expectSame(found, expected);
  });

  it('does not depend on batches or on the order of tokens beyond rounding', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), ([size, seed], cut) => {
        const [taps] = randomTaps(size, seed);
        const order = seededRandom(seed).shuffle(Array.from({ length: size.tokens }, (_, token) => token));
        const split = cut % size.tokens;
        const inBatches = emptyRoutingStatistics(1, size.experts, size.topK);
        for (const batch of [order.slice(0, split), order.slice(split)]) {
          accumulateRouting(inBatches, 0, reorderTokens(taps!, batch, size));
        }
        expectSame(inBatches, statisticsOf([taps!], size));
      }),
    );
  });

  it('follows a renaming of experts exactly in counts and beyond rounding in sums', () => {
    const size = { layers: 1, experts: 6, topK: 2, tokens: 50 };
    const [taps] = randomTaps(size, 8);
    const names = seededRandom(8).shuffle([0, 1, 2, 3, 4, 5]);
    const original = statisticsOf([taps!], size);
    const renamed = statisticsOf([renameExperts(taps!, names)], size);
    names.forEach((name, expert) => {
      expect(renamed.counts[name]).toBe(original.counts[expert]);
      expect(renamed.reapSum[name]).toBe(original.reapSum[expert]);
      names.forEach((otherName, other) => {
        expect(renamed.logitGram[name * 6 + otherName]).toBeCloseTo(original.logitGram[expert * 6 + other]!, 9);
      });
    });
  });

  it('writes only its own layer, keeps both triangles equal and leaves items and tokens to the caller', () => {
    const size = { layers: 3, experts: 5, topK: 2, tokens: 30 };
    const statistics = emptyRoutingStatistics(3, 5, 2);
    accumulateRouting(statistics, 1, randomTaps(size, 1)[0]!);
    expect([statistics.items, statistics.tokens]).toEqual([0, 0]);
    for (const name of sums) {
      const each = statistics[name].length / 3;
      expect(
        statistics[name].subarray(0, each).every((value) => value === 0),
        name,
      ).toBe(true);
      expect(
        statistics[name].subarray(each, 2 * each).some((value) => value !== 0),
        name,
      ).toBe(true);
      expect(
        statistics[name].subarray(2 * each).every((value) => value === 0),
        name,
      ).toBe(true);
    }
    for (const name of ['logitGram', 'probabilityGram', 'coactivation'] as const) {
      for (let i = 0; i < 5; i++) {
        for (let j = 0; j < 5; j++) expect(statistics[name][25 + 5 * i + j]).toBe(statistics[name][25 + 5 * j + i]);
      }
    }
  });

  it('keeps probabilities finite for logits that overflow an exponential', () => {
    const statistics = emptyRoutingStatistics(1, 3, 1);
    const taps = {
      logits: Float32Array.of(2000, 1000, -2000),
      experts: Int32Array.of(0),
      weights: Float32Array.of(1),
      norms: Float32Array.of(1),
    };
    accumulateRouting(statistics, 0, taps);
    expect([...statistics.probabilityMass]).toEqual([1, 0, 0]);
  });

  it('stops at taps that do not fit', () => {
    const size = { layers: 1, experts: 4, topK: 2, tokens: 3 };
    const [taps] = randomTaps(size, 2);
    const add = (layer: number, changed: Partial<RoutingTaps>) => () =>
      accumulateRouting(emptyRoutingStatistics(1, 4, 2), layer, { ...taps!, ...changed });
    expect(add(1, {})).toThrow('layer 1');
    expect(add(0, { logits: new Float32Array(11) })).toThrow('11 router logits');
    expect(add(0, { norms: new Float32Array(5) })).toThrow('5 norms');
    expect(add(0, { experts: Int32Array.of(0, 1, 2, 3, 4, 0) })).toThrow('chosen expert 4');
  });
});
