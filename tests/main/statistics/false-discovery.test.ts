import { expect, test } from 'vitest';
import { conformalP, discoveries } from '../../../main/statistics/p-values.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

test('a p is the rank among controls, and ties make it larger', () => {
  expect(conformalP(5, [1, 2, 3, 4])).toBe(1 / 5);
  expect(conformalP(3, [1, 2, 3, 4])).toBe(3 / 5);
  expect(conformalP(0, [0, 0, 0])).toBe(1);
});

test('discoveries are the most that the line of Benjamini and Hochberg allows', () => {
  // Lines at rate 0.1 of five: 0.02, 0.04, 0.06, 0.08, 0.1; the third is below its line, though the second is above.
  expect(discoveries([0.9, 0.06, 0.01, 0.05, 0.5], 0.1)).toEqual([2, 3, 1]);
  expect(discoveries([0.03, 0.9], 0.05)).toEqual([]);
  expect(discoveries([], 0.1)).toEqual([]);
});

test('the share of false findings stays at its rate, with and without true ones, for losses with heavy tails', () => {
  const random = seededRandom(11);
  // A Cauchy variable: some losses of probes that nothing happened to are large.
  const loss = (): number => Math.tan(Math.PI * (random.float() - 0.5));
  const repeats = 600;
  for (const planted of [0, 12]) {
    let [sum, found] = [0, 0];
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const controls = Array.from({ length: 180 }, loss);
      const tested = Array.from({ length: 60 }, (_, index) => loss() + (index < planted ? 1_000 : 0));
      const named = discoveries(
        tested.map((value) => conformalP(value, controls)),
        0.1,
      );
      const wrong = named.filter((index) => index >= planted).length;
      sum += wrong / Math.max(1, named.length);
      found += named.length - wrong;
    }
    // Three standard errors of a share of 10 % over the repeats.
    expect(sum / repeats).toBeLessThan(0.1 + 3 * Math.sqrt((0.1 * 0.9) / repeats));
    if (planted > 0) expect(found / (planted * repeats)).toBeGreaterThan(0.9);
  }
});
