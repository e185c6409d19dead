import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chanceOfNegativeSum } from '../../../main/statistics/clustered-pairs.ts';

/** The probability that a mean of -1 (lost + 1), 0 and 1 (gained) under Dirichlet weights is -delta or below. */
const below = (n: number, lost: number, gained: number, delta: number): number =>
  chanceOfNegativeSum([
    { value: delta - 1, shape: lost + 1 },
    { value: delta, shape: n - lost - gained },
    { value: delta + 1, shape: gained },
  ]);

it('of two values is the distribution of a beta variable, far into its tail', () => {
  for (const n of [1, 2, 20, 149, 300, 1500])
    for (const delta of [0.005, 0.02, 0.3]) {
      const expected = (1 - delta) ** n;
      if (expected > 1e-12) expect(below(n, 0, 0, delta) / expected).toBeCloseTo(1, 7);
    }
});

// scipy 1.17.1: the density of a beta variable times the distribution of another one, by adaptive quadrature.
it.each([
  [300, 2, 0, 0.02, 0.06018369789057008],
  [300, 3, 1, 0.02, 0.09152354090934295],
  [1000, 5, 5, 0.02, 3.5425207099846555e-6],
  [20, 1, 1, 0.3, 0.004018110552844034],
  [3, 1, 1, 0.5, 0.28125],
])('agrees with scipy of three values: n = %d, %d lost, %d gained, delta = %d', (n, lost, gained, delta, expected) => {
  expect(below(n, lost, gained, delta) / expected).toBeCloseTo(1, 7);
});

it('does not depend on the scale, sums to 1 with its mirror image, and gives certain events exactly', () => {
  const term = fc.record({
    value: fc.integer({ min: -900, max: 900 }).map((hundredths) => hundredths / 100),
    shape: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(
      fc.array(term, { minLength: 1, maxLength: 12 }),
      fc.double({ min: 0.01, max: 50, noNaN: true }),
      (terms, scale) => {
        const times = (by: number) => terms.map(({ value, shape }) => ({ value: value * by, shape }));
        fc.pre(terms.some(({ value }) => value !== 0));
        const chance = chanceOfNegativeSum(terms);
        expect(chanceOfNegativeSum(times(scale))).toBeCloseTo(chance, 9);
        expect(chance + chanceOfNegativeSum(times(-1))).toBeCloseTo(1, 8);
        if (terms.every(({ value }) => value >= 0)) expect(chance).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});

it('refuses values that are not finite', () => {
  for (const value of [Number.NaN, Infinity, -Infinity])
    expect(() =>
      chanceOfNegativeSum([
        { value: 1, shape: 1 },
        { value, shape: 1 },
      ]),
    ).toThrow(/finite/);
});
