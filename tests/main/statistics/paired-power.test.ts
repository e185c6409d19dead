import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { criticalScore } from '../../../main/statistics/exact-paired-test.ts';
import { normalQuantileOf, normalUpperTail } from '../../../main/statistics/distributions.ts';
import { chanceForUnharmed, chanceOfSafe, itemsForChance } from '../../../main/statistics/paired-power.ts';
import { tangoLowerLimit, Z_TWO_SIDED_95 } from '../../../main/statistics/tango-interval.ts';
import { Z_ONE_SIDED_95 } from './one-sided.ts';

const choose = (n: number, k: number): number => {
  let ways = 1;
  for (let i = 1; i <= k; i += 1) ways = (ways * (n - k + i)) / i;
  return ways;
};

/** The same over every pair of counts, with factorials and the interval's own limit. */
const byEnumeration = (n: number, delta: number, z: number, gained: number, lost: number): number => {
  let chance = 0;
  for (let b = 0; b <= n; b += 1) {
    for (let c = 0; b + c <= n; c += 1) {
      if (tangoLowerLimit({ gained: b, lost: c, n }, z) < -delta) continue;
      chance += choose(n, b) * choose(n - b, c) * gained ** b * lost ** c * (1 - gained - lost) ** (n - b - c);
    }
  }
  return chance;
};

describe('chanceOfSafe', () => {
  it('is the sum over every pair of counts', () => {
    const share = fc.double({ min: 0, max: 0.45, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.double({ min: 0.05, max: 0.5, noNaN: true }),
        share,
        share,
        (n, delta, gained, lost) => {
          const expected = byEnumeration(n, delta, Z_ONE_SIDED_95, gained, lost);
          expect(chanceOfSafe({ n, delta, z: Z_ONE_SIDED_95 }, { gained, lost })).toBeCloseTo(expected, 12);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('calls an unharmed candidate safe in 57 % at n = 300, 3 % discordant, delta 0.02', () => {
    expect(chanceForUnharmed({ n: 300, delta: 0.02, z: Z_ONE_SIDED_95 }, 0.03)).toBeCloseTo(0.566, 3);
  });

  it('is certain without discordant items once there are enough, and refuses values that are not probabilities', () => {
    expect(chanceForUnharmed({ n: 149, delta: 0.02, z: Z_ONE_SIDED_95 }, 0)).toBe(1);
    expect(chanceForUnharmed({ n: 100, delta: 0.02, z: Z_ONE_SIDED_95 }, 0)).toBe(0);
    const test = { n: 10, delta: 0.1, z: 1 };
    expect(() => chanceOfSafe(test, { gained: 0.6, lost: 0.5 })).toThrow(/probabilities/i);
  });
});

describe('chanceForUnharmed', () => {
  it('continues beyond 5,000 discordant items by an approximation that is within 0.001', () => {
    for (const { n, delta, discordance } of [
      { n: 20_000, delta: 0.0005, discordance: 0.3 },
      { n: 20_000, delta: 0.01, discordance: 0.3 },
      { n: 6_000, delta: 0.02, discordance: 0.9 },
    ]) {
      const exact = chanceOfSafe({ n, delta, z: Z_ONE_SIDED_95 }, { gained: discordance / 2, lost: discordance / 2 });
      expect(Math.abs(chanceForUnharmed({ n, delta, z: Z_ONE_SIDED_95 }, discordance) - exact)).toBeLessThan(0.001);
    }
  });

  it('is found for a billion items too, whose counts nobody could try one by one', () => {
    for (const discordance of [0, 1e-7, 4e-6, 0.5, 1])
      expect(chanceForUnharmed({ n: 1e9, delta: 0.5, z: Z_ONE_SIDED_95 }, discordance)).toBeCloseTo(1, 9);
  });
});

describe('itemsForChance', () => {
  const test = { delta: 0.02, alpha: 0.05 };
  const chanceAt = (n: number, discordance: number): number =>
    chanceForUnharmed({ n, delta: 0.02, z: criticalScore(n, -0.02, 0.05) }, discordance);

  it('gives the wanted chance, and a tenth less does not', () => {
    for (const discordance of [0.01, 0.03, 0.1]) {
      const n = itemsForChance(test, discordance, 0.8, 149);
      expect(chanceAt(n, discordance)).toBeGreaterThanOrEqual(0.8);
      expect(chanceAt(Math.floor(0.9 * n), discordance)).toBeLessThan(0.8);
    }
    expect(itemsForChance(test, 0, 0.8, 149)).toBe(149);
  });

  it('gives the wanted chance at a wide margin too, where the normal approximation names a fifth too few', () => {
    const chance = (n: number): number => chanceForUnharmed({ n, delta: 0.5, z: criticalScore(n, -0.5, 0.05) }, 0.7);
    const n = itemsForChance({ delta: 0.5, alpha: 0.05 }, 0.7, 0.8, 5);
    expect(chance(n)).toBeGreaterThanOrEqual(0.8);
    // It names 15.
    expect(n).toBeGreaterThan(1.2 * 15);
  });

  it('continues beyond 2000 items by an approximation that is within 1 %', () => {
    const n = itemsForChance(test, 0.4, 0.8, 149);
    expect(n).toBeGreaterThan(2000);
    expect(chanceAt(Math.ceil(n * 1.01), 0.4)).toBeGreaterThan(0.8);
    expect(chanceAt(Math.floor(n * 0.99), 0.4)).toBeLessThan(0.8);
  });
});

describe('normalQuantileOf', () => {
  it('gives the known quantiles and inverts the tail', () => {
    expect(normalQuantileOf(0.05)).toBeCloseTo(Z_ONE_SIDED_95, 13);
    expect(normalQuantileOf(0.025)).toBeCloseTo(Z_TWO_SIDED_95, 13);
    expect(normalUpperTail(6)).toBeCloseTo(9.865876450376946e-10, 22);
    for (const alpha of [0.5, 0.3, 0.01, 1e-4, 1e-9]) {
      expect(normalUpperTail(normalQuantileOf(alpha)) / alpha).toBeCloseTo(1, 11);
    }
    for (const alpha of [0.6, 0, -0.05, Number.NaN]) expect(() => normalQuantileOf(alpha)).toThrow(/level/);
  });
});
