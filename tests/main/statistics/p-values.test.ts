import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guessingP, mcnemarExact, upperLimit } from '../../../main/statistics/p-values.ts';

/** The definition in whole numbers: 2 x sum of C(n, i) for i up to the smaller count, over 2^n. */
const byDefinition = (lost: number, gained: number): number => {
  const n = BigInt(lost + gained);
  let coefficient = 1n;
  let sum = 0n;
  for (let i = 0n; i <= BigInt(Math.min(lost, gained)); i += 1n) {
    sum += coefficient;
    coefficient = (coefficient * (n - i)) / (i + 1n);
  }
  const digits = 10n ** 80n;
  return Math.min(1, Number((2n * sum * digits) / 2n ** n) / 1e80);
};

const count = fc.nat({ max: 60 });

describe('mcnemarExact', () => {
  it('gives published values', () => {
    // Fagerland, Lydersen and Laake 2014 (doi:10.1002/sim.6148): airway hyper-responsiveness, 1 and 7 discordant pairs.
    expect(mcnemarExact(7, 1)).toBeCloseTo(0.0703125, 12);
    // Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, ch. 8: 6 and 16, P = 0.052479.
    expect(mcnemarExact(16, 6)).toBeCloseTo(0.052479, 6);
    // Armitage and Berry 1994, p. 127: 12 and 2, P = 0.0129.
    expect(mcnemarExact(2, 12)).toBeCloseTo(0.0129, 4);
  });

  it('is the binomial sum', () => {
    fc.assert(
      fc.property(count, count, (lost, gained) => {
        const p = byDefinition(lost, gained);
        expect(Math.abs(mcnemarExact(lost, gained) - p)).toBeLessThanOrEqual(1e-13 * p);
      }),
    );
    for (const [lost, gained] of [
      [900, 1100],
      [4000, 4300],
      [0, 100],
    ] as const) {
      const p = byDefinition(lost, gained);
      expect(Math.abs(mcnemarExact(lost, gained) - p)).toBeLessThanOrEqual(1e-11 * p);
    }
  });

  it('is symmetric, and falls as the sides differ more', () => {
    fc.assert(
      fc.property(count, count, (lost, gained) => {
        expect(mcnemarExact(lost, gained)).toBe(mcnemarExact(gained, lost));
        if (lost > gained) expect(mcnemarExact(lost + 1, gained)).toBeLessThan(mcnemarExact(lost, gained) + 1e-15);
      }),
    );
  });

  it('is 1 without discordant pairs and with equally many', () => {
    expect(mcnemarExact(0, 0)).toBe(1);
    expect(mcnemarExact(5000, 5000)).toBe(1);
    expect(mcnemarExact(1, 0)).toBe(1);
  });

  it('neither overflows nor vanishes at large counts', () => {
    // Normal tail with continuity correction: z = (|b - c| - 1) / sqrt(b + c) = 1.9995, p = 0.04556.
    expect(mcnemarExact(500_000, 502_001)).toBeCloseTo(0.0456, 3);
    expect(mcnemarExact(0, 5000)).toBe(0);
    expect(mcnemarExact(0, 1000)).toBeCloseTo(2 ** -999, 300);
    expect(mcnemarExact(0, 1000)).toBeGreaterThan(0);
  });
});

/** The definition, in floating point: the sum of C(n, k) p^k (1 - p)^(n - k) over k from `right` on. */
const guessingByDefinition = (right: number, n: number, chance: number): number => {
  let [coefficient, sum] = [1, 0];
  for (let k = 0; k <= n; k += 1) {
    if (k >= right) sum += coefficient * chance ** k * (1 - chance) ** (n - k);
    coefficient *= (n - k) / (k + 1);
  }
  return sum;
};

describe('guessingP', () => {
  it('is the upper tail of the binomial', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60 }), fc.nat({ max: 60 }), fc.constantFrom(0.1, 0.25, 1 / 3, 0.5), (a, b, chance) => {
        const [right, n] = [Math.min(a, b), Math.max(a, b)];
        expect(guessingP(right, n, chance)).toBeCloseTo(guessingByDefinition(right, n, chance), 11);
      }),
    );
  });

  it('keeps its digits in the far tail and with a million items', () => {
    expect(guessingP(60, 60, 0.25) / 0.25 ** 60).toBeCloseTo(1, 10);
    const p = guessingP(251_000, 1_000_000, 0.25);
    expect(p).toBeGreaterThan(0.0103);
    expect(p).toBeLessThan(0.0106);
    expect(guessingP(0, 1_000_000, 0.25)).toBe(1);
  });
});

describe('upperLimit', () => {
  it('is that of Clopper and Pearson', () => {
    // (1 - limit)^n = 5 % where none is found.
    for (const n of [1, 59, 300]) expect(upperLimit(0, n)).toBeCloseTo(1 - 0.05 ** (1 / n), 12);
    // scipy.stats.beta.ppf(0.95, found + 1, n - found)
    expect(upperLimit(3, 200)).toBeCloseTo(0.03830970849856934, 12);
    expect(upperLimit(2, 25)).toBeCloseTo(0.2310399339581441, 12);
    // All but one found: 1 - limit^n = 5 %.
    expect(upperLimit(9, 10)).toBeCloseTo(0.95 ** (1 / 10), 12);
    expect([upperLimit(10, 10), upperLimit(0, 0)]).toEqual([1, 1]);
  });
});
