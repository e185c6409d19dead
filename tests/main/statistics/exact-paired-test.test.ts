import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chanceOfRejection,
  chanceWithin,
  criticalScore,
  discordanceGrid,
  pairedInterval,
  rejectionLimits,
  sizeOf,
} from '../../../main/statistics/exact-paired-test.ts';
import { tangoInterval, tangoLowerLimit, tangoScore, Z_TWO_SIDED_95 } from '../../../main/statistics/tango-interval.ts';
import { Z_ONE_SIDED_95 } from './one-sided.ts';

const choose = (n: number, k: number): number => {
  let ways = 1;
  for (let i = 1; i <= k; i += 1) ways = (ways * (n - k + i)) / i;
  return ways;
};

/** The probability of rejection over every pair of counts, with factorials. */
const byEnumeration = (n: number, difference: number, z: number, gained: number, lost: number): number => {
  let chance = 0;
  for (let b = 0; b <= n; b += 1) {
    for (let c = 0; b + c <= n; c += 1) {
      if (tangoScore({ gained: b, lost: c, n }, difference) < z) continue;
      chance += choose(n, b) * choose(n - b, c) * gained ** b * lost ** c * (1 - gained - lost) ** (n - b - c);
    }
  }
  return chance;
};

describe('chanceOfRejection', () => {
  it('is the sum over every pair of counts, for any difference and any truth', () => {
    const share = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.5, noNaN: true }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.double({ min: -0.6, max: 0.6, noNaN: true }),
        fc.double({ min: 0.3, max: 3, noNaN: true }),
        share,
        share,
        (n, difference, z, gained, lost) => {
          const expected = byEnumeration(n, difference, z, gained, lost);
          expect(chanceOfRejection({ n, difference, z }, { gained, lost })).toBeCloseTo(expected, 12);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('has a region whose limit rises by at most one item lost per item gained', () => {
    for (const n of [1, 2, 7, 30, 150, 1000])
      for (const difference of [-0.5, -0.1, -0.02, 0, 0.02, 0.3])
        for (const z of [0.1, 1, Z_ONE_SIDED_95, 3]) {
          const limits = rejectionLimits({ n, difference, z }, n);
          limits.forEach((limit, gained) => {
            const before = limits[gained - 1] ?? limit;
            expect(limit - before).toBeLessThanOrEqual(1);
            if (limit < n - gained) expect(limit).toBeGreaterThanOrEqual(Math.min(before, n - gained));
          });
        }
  });

  it('refuses values that are not probabilities', () => {
    const test = { n: 10, difference: -0.1, z: 1 };
    expect(() => chanceOfRejection(test, { gained: 0.6, lost: 0.5 })).toThrow(/probabilities/i);
  });
});

describe('chanceWithin', () => {
  it('is that of a binomial without gained items, below and above its mean', () => {
    // Binomial(5, 1/5): by hand, over 5^5 = 3125.
    for (const [limit, ways] of [
      [0, 1024],
      [1, 2304],
      [3, 3104],
      [4, 3124],
      [5, 3125],
    ] as const)
      expect(chanceWithin(Int32Array.of(limit), 5, { gained: 0, lost: 0.2 })).toBeCloseTo(ways / 3125, 14);
  });
});

describe('sizeOf', () => {
  // scipy 1.17.1: binomial probabilities over the region of a score whose nuisance share solves the likelihood
  // equation by Brent's method, at 401 shares of discordant items.
  it.each([
    [40, -0.1, Z_ONE_SIDED_95, 0.052517552724935135],
    [60, -0.1, 1.722, 0.046177861157846604],
    [60, 0.1, 1.722, 0.04461198011890919],
    [60, 0, 1.96, 0.026783654465124],
    [149, -0.02, 1.7, 0.04928165433008962],
  ])('agrees with scipy at n = %d, difference %d, z = %d', (n, difference, z, expected) => {
    const grid = Array.from({ length: 401 }, (_, i) => Math.abs(difference) + ((1 - Math.abs(difference)) * i) / 400);
    const chances = grid.map((discordant) => {
      const gained = Math.max(0, (discordant + difference) / 2);
      return chanceOfRejection({ n, difference, z }, { gained, lost: Math.max(0, discordant - gained) });
    });
    expect(Math.max(...chances)).toBeCloseTo(expected, 10);
    // The test's own grid misses none of it.
    expect(sizeOf({ n, difference, z })).toBeGreaterThan(expected * (1 - 2e-4));
  });

  it('shows that the normal quantile exceeds the level', () => {
    const nominal = (n: number): number => sizeOf({ n, difference: -0.02, z: Z_ONE_SIDED_95 });
    expect(nominal(222)).toBeCloseTo(0.0624, 4);
    expect(nominal(300)).toBeCloseTo(0.0602, 4);
    expect(sizeOf({ n: 60, difference: 0, z: Z_TWO_SIDED_95 })).toBeGreaterThan(0.0265);
  });
});

describe('discordanceGrid', () => {
  it('steps by half a standard deviation of a count, which is half of its root, where counts are small', () => {
    for (const [n, difference] of [
      [600, 0],
      [997, -0.02],
      [900, 0.3],
    ] as const) {
      const least = Math.abs(difference);
      const shares = discordanceGrid(n, difference);
      expect([shares[0], shares.at(-1)]).toEqual([least, 1]);
      const widest = (from: number, to: number, countOf: (share: number) => number): number => {
        const roots = shares.filter((share) => share >= from && share <= to).map((share) => Math.sqrt(countOf(share)));
        return Math.max(...roots.slice(1).map((root, index) => Math.abs(root - (roots[index] ?? Number.NaN))));
      };
      // The rarer kind of discordant items is small in the lower half, concordant ones from 65 % discordant on.
      const middle = least + (1 - least) / 2;
      expect(widest(least, middle, (share) => (n * (share - least)) / 2)).toBeLessThan(0.25 + 1e-9);
      const dense = 1 - Math.min((1 - least) / 2, 0.35);
      expect(widest(dense, 1, (share) => n * (1 - share))).toBeLessThan(0.25 + 1e-6);
    }
  });
});

describe('criticalScore', () => {
  const deltas = [0.0005, 0.005, 0.02, 0.05, 0.15, 0.5];
  const some = [1, 5, 20, 59, 149, 150, 222, 300, 301, 500, 997];

  it.each([0.05, 0.025, 0.05 / 36])(
    'keeps the level %d at every share of discordant items, of either test',
    (alpha) => {
      for (const n of some)
        for (const delta of deltas)
          for (const difference of [-delta, delta]) {
            const z = criticalScore(n, difference, alpha);
            const finer = discordanceGrid(n, difference, 4);
            expect(sizeOf({ n, difference, z }, finer), `n ${n}, difference ${difference}`).toBeLessThanOrEqual(alpha);
          }
      for (const n of some) {
        const z = criticalScore(n, 0, alpha);
        expect(sizeOf({ n, difference: 0, z }, discordanceGrid(n, 0, 4)), `n ${n}`).toBeLessThanOrEqual(alpha);
      }
    },
  );

  it('is no higher than necessary, down to a quarter below the normal quantile', () => {
    for (const n of [149, 222, 300, 997])
      for (const difference of [-0.02, 0.02, 0]) {
        const z = criticalScore(n, difference, 0.05) - 2 ** -9;
        expect(sizeOf({ n, difference, z })).toBeGreaterThan(0.05 * (1 - 5e-4));
      }
  });

  it('works for many items', () => {
    for (const [n, difference] of [
      [20_000, -0.0005],
      [50_000, 0.001],
    ] as const) {
      const z = criticalScore(n, difference, 0.05);
      expect(Math.abs(z - Z_ONE_SIDED_95)).toBeLessThan(0.07);
      expect(sizeOf({ n, difference, z }, discordanceGrid(n, difference, 2))).toBeLessThanOrEqual(0.05);
    }
  });
});

describe('pairedInterval', () => {
  it("is Tango's at a quantile a little beyond 1.96", () => {
    const counts = { gained: 3, lost: 9, n: 300 };
    const z = criticalScore(300, 0, 0.025);
    expect(pairedInterval(counts)).toEqual(tangoInterval(counts, z));
    expect(z).toBeGreaterThan(Z_TWO_SIDED_95);
    expect(z).toBeLessThan(2);
  });

  it('excludes 0 on either side in at most 2.5 %', () => {
    const n = 60;
    const limits = Array.from({ length: n + 1 }, (_, gained) => {
      let lost = 0;
      while (gained + lost <= n && pairedInterval({ gained, lost, n }).low > 0) lost += 1;
      return lost - 1;
    });
    for (let share = 0; share <= 1; share += 0.02) {
      let chance = 0;
      for (let b = 0; b <= n; b += 1)
        for (let c = 0; c <= (limits[b] ?? -1); c += 1)
          chance += choose(n, b) * choose(n - b, c) * (share / 2) ** (b + c) * (1 - share) ** (n - b - c);
      expect(chance).toBeLessThanOrEqual(0.025);
    }
  });

  it('lies at the limit of the score', () => {
    const counts = { gained: 0, lost: 2, n: 300 };
    const z = criticalScore(300, -0.02, 0.05);
    expect(tangoScore(counts, tangoLowerLimit(counts, z))).toBeCloseTo(z, 9);
  });
});
