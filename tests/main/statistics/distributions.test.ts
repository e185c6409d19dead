import { expect, test } from 'vitest';
import { studentT } from '../../../main/statistics/distributions.ts';

test("quantiles of Student's distribution, as scipy 1.17 gives them", () => {
  // scipy.stats.t.ppf(1 - alpha / 2, degrees)
  const known: readonly (readonly [number, number, number])[] = [
    [0.05, 1, 12.706204736174694],
    [0.05, 2, 4.302652729749462],
    [0.05, 3, 3.1824463052837078],
    [0.05, 4, 2.7764451051977934],
    [0.05, 6, 2.4469118511449786],
    [0.01, 5, 4.032142983555228],
    [0.1, 30, 1.697260886593957],
  ];
  for (const [alpha, degrees, t] of known) expect(studentT(alpha, degrees) / t).toBeCloseTo(1, 9);
  expect(() => studentT(0.05, 0)).toThrow('0 degrees');
});
