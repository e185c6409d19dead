import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newcombeInterval, wilsonInterval } from '../../../main/statistics/unpaired-difference.ts';

// Figures of statsmodels 0.15.0: confint_proportions_2indep(..., method='newcomb', compare='diff', correction=False).
// Method 10 is the one without continuity correction.
test.each([
  [56, 70, 48, 80, 0.0524314724, 0.333872654],
  [9, 10, 3, 10, 0.1705227239, 0.8090179735],
  [6, 7, 2, 7, 0.0582279275, 0.8062496375],
  [5, 56, 0, 29, -0.0381371479, 0.1925600139],
  [0, 10, 0, 20, -0.1611251581, 0.2775327999],
  [0, 10, 0, 10, -0.2775327999, 0.2775327999],
  [10, 10, 0, 20, 0.6790860371, 1],
  [10, 10, 0, 10, 0.6075093504, 1],
])('%i of %i against %i of %i: [%f, %f]', (right, n, otherRight, otherN, low, high) => {
  const interval = newcombeInterval({ right, n }, { right: otherRight, n: otherN });
  expect(interval.low).toBeCloseTo(low, 9);
  expect(interval.high).toBeCloseTo(high, 9);
});

test('the interval contains the difference, stays within -1 and 1, and is mirrored with its samples', () => {
  const sample = fc
    .tuple(fc.integer({ min: 1, max: 500 }), fc.nat())
    .map(([n, seed]) => ({ right: seed % (n + 1), n }));
  fc.assert(
    fc.property(sample, sample, (one, other) => {
      const { low, high } = newcombeInterval(one, other);
      const difference = one.right / one.n - other.right / other.n;
      expect(low).toBeLessThanOrEqual(difference);
      expect(high).toBeGreaterThanOrEqual(difference);
      expect(low).toBeGreaterThanOrEqual(-1 - 1e-12);
      expect(high).toBeLessThanOrEqual(1 + 1e-12);
      const turned = newcombeInterval(other, one);
      expect(turned.low).toBeCloseTo(-high, 12);
      expect(turned.high).toBeCloseTo(-low, 12);
      const own = wilsonInterval(one);
      expect(own.low).toBeLessThanOrEqual(one.right / one.n);
      expect(own.high).toBeGreaterThanOrEqual(one.right / one.n);
    }),
  );
});

test('values that are not proportions are refused', () => {
  for (const bad of [
    { right: 3, n: 2 },
    { right: -1, n: 2 },
    { right: 0, n: 0 },
    { right: 0.5, n: 2 },
  ])
    expect(() => wilsonInterval(bad)).toThrow(/is not a proportion/);
});
