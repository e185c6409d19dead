import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type PairedCounts,
  tangoInterval,
  tangoLowerLimit,
  tangoScore,
  Z_TWO_SIDED_95,
} from '../../../main/statistics/tango-interval.ts';
import { Z_ONE_SIDED_95 } from './one-sided.ts';

/**
 * Score statistic by brute force: p(lost) under H0 found by golden-section search on the trinomial log-likelihood
 * itself, and the variance from both probabilities.
 */
const scoreByBruteForce = ({ gained, lost, n }: PairedCounts, difference: number): number => {
  const term = (count: number, probability: number): number => (count === 0 ? 0 : count * Math.log(probability));
  const likelihood = (q: number): number =>
    term(gained, q + difference) + term(lost, q) + term(n - gained - lost, 1 - 2 * q - difference);
  let low = Math.max(0, -difference);
  let high = (1 - difference) / 2;
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < 200; i += 1) {
    const left = high - golden * (high - low);
    const right = low + golden * (high - low);
    if (likelihood(left) < likelihood(right)) low = left;
    else high = right;
  }
  const q = (low + high) / 2;
  return (gained - lost - n * difference) / Math.sqrt(n * (q + q + difference - difference ** 2));
};

const swap = ({ gained, lost, n }: PairedCounts): PairedCounts => ({ gained: lost, lost: gained, n });

const counts: fc.Arbitrary<PairedCounts> = fc
  .tuple(fc.nat({ max: 80 }), fc.nat({ max: 80 }), fc.nat({ max: 300 }))
  .filter(([gained, lost, same]) => gained + lost + same > 0)
  .map(([gained, lost, same]) => ({ gained, lost, n: gained + lost + same }));

describe('published intervals', () => {
  it.each([
    // Fagerland, Lydersen and Laake 2014 (doi:10.1002/sim.6148), table V: airway hyper-responsiveness.
    { gained: 1, lost: 7, n: 21, z: Z_TWO_SIDED_95, low: -0.517, high: -0.026, digits: 3 },
    // Statistical Analysis of Contingency Tables, ch. 8 (R package contingencytables): consolidation therapy.
    { gained: 6, lost: 16, n: 161, z: Z_TWO_SIDED_95, low: -0.124, high: -0.0054, digits: 4 },
    // R package PropCIs, scoreci.mp(25, 28, 618, 0.9), whose estimate is (28 - 25) / 618.
    { gained: 28, lost: 25, n: 618, z: Z_ONE_SIDED_95, low: -0.0148, high: 0.0247, digits: 4 },
  ])('$gained gained, $lost lost of $n', ({ low, high, digits, z, ...pairs }) => {
    const interval = tangoInterval(pairs, z);
    expect(interval.low).toBeCloseTo(low, digits);
    expect(interval.high).toBeCloseTo(high, digits);
  });
});

describe('tangoScore', () => {
  it('is the score statistic at the constrained maximum of the likelihood', () => {
    fc.assert(
      fc.property(counts, fc.double({ min: -0.95, max: 0.95, noNaN: true }), (pairs, difference) => {
        if (Math.abs(difference) < 1e-3) return;
        const expected = scoreByBruteForce(pairs, difference);
        expect(Math.abs(tangoScore(pairs, difference) - expected)).toBeLessThan(1e-5 * (1 + Math.abs(expected)));
      }),
      { numRuns: 500 },
    );
  });

  it('squares to McNemar at difference 0', () => {
    expect(tangoScore({ gained: 6, lost: 16, n: 161 }, 0) ** 2).toBeCloseTo((16 - 6) ** 2 / 22, 12);
  });

  it('falls as the difference grows', () => {
    const difference = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(counts, difference, difference, (pairs, a, b) => {
        const [left, right] = [tangoScore(pairs, Math.min(a, b)), tangoScore(pairs, Math.max(a, b))];
        const rounding = Number.isFinite(left) ? 1e-9 * (1 + Math.abs(left)) : 0;
        expect(left).toBeGreaterThanOrEqual(right - rounding);
      }),
    );
  });
});

describe('tangoInterval', () => {
  it('ends where the score is the quantile, around the estimate and within [-1, 1]', () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const { low, high } = tangoInterval(pairs);
        const estimate = (pairs.gained - pairs.lost) / pairs.n;
        expect(low).toBeGreaterThanOrEqual(-1);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(estimate);
        expect(high).toBeGreaterThanOrEqual(estimate);
        if (low > -1) expect(tangoScore(pairs, low)).toBeCloseTo(Z_TWO_SIDED_95, 8);
        if (high < 1) expect(tangoScore(pairs, high)).toBeCloseTo(-Z_TWO_SIDED_95, 8);
      }),
    );
  });

  it('changes sign when candidate and baseline change places', () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const { low, high } = tangoInterval(pairs);
        expect(tangoInterval(swap(pairs))).toEqual({ low: -high, high: -low });
      }),
    );
  });

  it('rises with every item gained and narrows as the same rates are seen on more items', () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const { low, high } = tangoInterval(pairs);
        if (pairs.lost > 0) {
          const better = tangoInterval({ gained: pairs.gained + 1, lost: pairs.lost - 1, n: pairs.n });
          expect(better.low).toBeGreaterThan(low);
          expect(better.high).toBeGreaterThan(high);
        }
        const larger = tangoInterval({ gained: 2 * pairs.gained, lost: 2 * pairs.lost, n: 2 * pairs.n });
        expect(larger.high - larger.low).toBeLessThan(high - low);
        expect(tangoLowerLimit(pairs, Z_ONE_SIDED_95)).toBeGreaterThanOrEqual(low);
      }),
    );
  });

  it('is exact at the edges', () => {
    const z2 = Z_TWO_SIDED_95 ** 2;
    for (const n of [1, 2, 17, 1000]) {
      const none = tangoInterval({ gained: 0, lost: 0, n });
      expect(none.low).toBeCloseTo(-z2 / (n + z2), 14);
      expect(none.high).toBe(-none.low);
      const all = tangoInterval({ gained: n, lost: 0, n });
      expect(all.high).toBe(1);
      expect(all.low).toBeCloseTo((n - z2) / (n + z2), 12);
      expect(tangoInterval({ gained: 0, lost: n, n })).toEqual({ low: -1, high: -all.low });
    }
    const even = tangoInterval({ gained: 8, lost: 8, n: 16 });
    expect(even.low).toBe(-even.high);
  });

  it('refuses values that are not counts of a comparison', () => {
    for (const [gained, lost, n] of [
      [1, 1, 1],
      [0, 0, 0],
      [-1, 0, 5],
      [0.5, 0, 5],
      [0, Number.NaN, 5],
    ] as const) {
      expect(() => tangoInterval({ gained, lost, n })).toThrow(/not the counts/);
    }
  });
});

/** Probability that limits from a trinomial sample of n pairs cover the truth, summed over every possible sample. */
const coverage = (n: number, gain: number, loss: number): { readonly twoSided: number; readonly lower: number } => {
  const logFactorial = [0];
  for (let i = 1; i <= n; i += 1) logFactorial.push((logFactorial[i - 1] ?? 0) + Math.log(i));
  const log = (i: number): number => logFactorial[i] ?? Number.NaN;
  const truth = gain - loss;
  let twoSided = 0;
  let lower = 0;
  for (let b = 0; b <= n; b += 1) {
    for (let c = 0; b + c <= n; c += 1) {
      const same = n - b - c;
      const probability = Math.exp(
        log(n) -
          log(b) -
          log(c) -
          log(same) +
          b * Math.log(gain) +
          c * Math.log(loss) +
          same * Math.log(1 - gain - loss),
      );
      if (probability < 1e-12) continue;
      const pairs = { gained: b, lost: c, n };
      const { low, high } = tangoInterval(pairs);
      if (low <= truth && truth <= high) twoSided += probability;
      if (tangoLowerLimit(pairs, Z_ONE_SIDED_95) <= truth) lower += probability;
    }
  }
  return { twoSided, lower };
};

describe('coverage, exact by enumeration', () => {
  it.each([
    { n: 40, gain: 0.1, loss: 0.1 },
    { n: 100, gain: 0.03, loss: 0.05 },
    { n: 100, gain: 0.1, loss: 0.25 },
    { n: 200, gain: 0.02, loss: 0.04 },
  ])('n = $n, P(gain) = $gain, P(loss) = $loss', ({ n, gain, loss }) => {
    const { twoSided, lower } = coverage(n, gain, loss);
    expect(twoSided).toBeGreaterThan(0.935);
    expect(twoSided).toBeLessThan(0.975);
    expect(lower).toBeGreaterThan(0.93);
    expect(lower).toBeLessThan(0.985);
  });
});
