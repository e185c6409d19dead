import { expect, test } from 'vitest';
import { crossedMean } from '../../../main/statistics/crossed-mean.ts';
import { studentT } from '../../../main/statistics/distributions.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

/** Two-way analysis of variance without replication, from the definitions (Searle 1971, section 4.4). */
const reference = (table: readonly (readonly number[])[]): { low: number; high: number } => {
  const [draws, n] = [table.length, table[0]!.length];
  const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const grand = average(table.flat());
  const column = (item: number) => average(table.map((row) => row[item]!));
  let [a, b, e] = [0, 0, 0];
  for (let d = 0; d < draws; d += 1)
    for (let i = 0; i < n; i += 1) {
      a += (column(i) - grand) ** 2 / (n - 1);
      b += (average(table[d]!) - grand) ** 2 / (draws - 1);
      e += (table[d]![i]! - column(i) - average(table[d]!) + grand) ** 2 / ((n - 1) * (draws - 1));
    }
  const variance = Math.max(a + b - e, a, b) / (n * draws);
  const degrees =
    (variance * n * draws) ** 2 / (a ** 2 / (n - 1) + b ** 2 / (draws - 1) + e ** 2 / ((n - 1) * (draws - 1)));
  const reach = studentT(0.05, Math.max(1, Math.floor(Math.min(degrees, n - 1)))) * Math.sqrt(variance);
  return { low: grand - reach, high: grand + reach };
};

test('is the interval of a mean over items and draws, by the analysis of variance', () => {
  const random = seededRandom(3);
  // Many small tables: their degrees of freedom are few, and rounded down.
  const small = Array.from({ length: 30 }, (_, index) => [2 + (index % 3), 4 + (index % 5)] as const);
  for (const [draws, n] of [...small, [5, 40], [3, 300]] as const) {
    const table = Array.from({ length: draws }, () => Array.from({ length: n }, () => random.integer(3) - 1));
    const { low, high } = reference(table);
    const found = crossedMean(table);
    expect(found?.low).toBeCloseTo(low, 12);
    expect(found?.high).toBeCloseTo(high, 12);
  }
});

test('one draw has the interval of its items; what never differs has none', () => {
  const found = crossedMean([[0, 0, -1, 1, -1]]);
  const error = Math.sqrt((0.2 ** 2 * 2 + 0.8 ** 2 * 2 + 1.2 ** 2) / 4 / 5);
  expect(found?.low).toBeCloseTo(-0.2 - studentT(0.05, 4) * error, 12);
  expect(
    crossedMean([
      [0, 0, 0],
      [0, 0, 0],
    ]),
  ).toBeNull();
  expect(crossedMean([[0], [1]])).toBeNull();
  expect(crossedMean([[0, 1], [1]])).toBeNull();
});

test('covers the true mean where draws differ, where a mean of draws with the error of its items does not', () => {
  const random = seededRandom(11);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
  let [crossed, byItems] = [0, 0];
  const runs = 400;
  for (let run = 0; run < runs; run += 1) {
    const ofItems = Array.from({ length: 60 }, normal);
    const table = Array.from({ length: 5 }, () => {
      const shift = 0.5 * normal();
      return ofItems.map((own) => own + shift + normal());
    });
    const found = crossedMean(table)!;
    const pooled = crossedMean([ofItems.map((_, item) => table.reduce((sum, row) => sum + row[item]! / 5, 0))])!;
    if (found.low <= 0 && found.high >= 0) crossed += 1;
    if (pooled.low <= 0 && pooled.high >= 0) byItems += 1;
  }
  expect(crossed / runs).toBeGreaterThan(0.93);
  expect(byItems / runs).toBeLessThan(0.85);
});
