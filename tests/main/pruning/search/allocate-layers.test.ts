import { expect, test } from 'vitest';
import {
  allocateLayers,
  type LayerOption,
  lossesBetween,
  measuredBudget,
  measuredCounts,
} from '../../../../main/pruning/search/allocate-layers.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

/** The least loss of all choices that fit; null where none does. */
const bruteForce = (
  layers: readonly (readonly LayerOption[])[],
  budget: number,
  fits = (size: number): boolean => size <= budget,
): number | null => {
  const all = layers.reduce<readonly LayerOption[]>(
    (sums, options) =>
      sums.flatMap(({ size, loss }) =>
        options.map((option) => ({ size: size + option.size, loss: loss + option.loss })),
      ),
    [{ size: 0, loss: 0 }],
  );
  const fitting = all.filter(({ size }) => fits(size)).map(({ loss }) => loss);
  return fitting.length === 0 ? null : Math.min(...fitting);
};

test('equals brute force in a thousand random instances, and its bound holds', () => {
  const random = seededRandom(1);
  let infeasible = 0;
  for (let instance = 0; instance < 1000; instance += 1) {
    // Every other instance has sizes of bytes, far more than there are cells.
    const scale = instance % 2 === 0 ? 20 : 3_000_017;
    const layers = Array.from({ length: 1 + random.integer(5) }, () =>
      Array.from({ length: 1 + random.integer(5) }, () => ({
        size: 1 + random.integer(scale),
        loss: random.float() - 0.1,
      })),
    );
    const budget = random.integer(scale * layers.length);
    const least = bruteForce(layers, budget);
    const found = allocateLayers(layers, budget);
    if (least === null) {
      infeasible += 1;
      expect(found).toBeNull();
      continue;
    }
    if (found === null) throw new Error('nothing found where something fits');
    expect(found.size).toBeLessThanOrEqual(budget);
    expect(found.bound).toBeLessThanOrEqual(least + 1e-12);
    expect(found.loss).toBeGreaterThanOrEqual(least - 1e-12);
    if (scale === 20) expect(found.loss).toBeCloseTo(least, 12);
  }
  expect(infeasible).toBeGreaterThan(20);
});

test('where sizes are counted in coarser units, the choice fits and the bound says what it may have missed', () => {
  const layer = (size: number): readonly LayerOption[] => [
    { size: 0, loss: 1 },
    { size, loss: 0 },
  ];
  // Both large options fill the budget exactly, and do not fit when they are rounded up.
  const found = allocateLayers([layer(1_000_001), layer(999_999)], 2_000_000);
  expect(found).toEqual({ chosen: [1, 0], size: 1_000_001, loss: 1, bound: 0 });
});

test('chooses the options whose sizes and losses it states, in the layout of switch-8', () => {
  // Twelve layers of eight experts, each loss convex, the last layers worth more.
  const layers = Array.from({ length: 12 }, (_, layer) =>
    Array.from({ length: 8 }, (_, index) => ({ size: index + 1, loss: ((7 - index) / 7) ** 2 * (layer + 1) })),
  );
  const found = allocateLayers(layers, 48);
  if (found === null) throw new Error('nothing fits');
  expect(found.size).toBe(48);
  expect(found.bound).toBe(found.loss);
  expect(found.chosen.reduce((sum, index, layer) => sum + (layers[layer]?.[index]?.loss ?? NaN), 0)).toBeCloseTo(
    found.loss,
    12,
  );
  // Convex losses: no move of one expert from a layer to another gains.
  const lossAt = (layer: number, index: number): number => layers[layer]?.[index]?.loss ?? Infinity;
  for (const [from, one] of found.chosen.entries())
    for (const [to, other] of found.chosen.entries()) {
      if (from === to || one === 0 || other === 7) continue;
      const change = lossAt(from, one - 1) - lossAt(from, one) + lossAt(to, other + 1) - lossAt(to, other);
      expect(change).toBeGreaterThanOrEqual(-1e-12);
    }
});

test('losses between measured counts lie on straight lines, and whole layers lose nothing', () => {
  expect(
    lossesBetween(
      [
        { count: 4, loss: 0.2 },
        { count: 2, loss: 1 },
      ],
      6,
    ),
  ).toEqual([
    { count: 2, loss: 1 },
    { count: 3, loss: 0.6 },
    { count: 4, loss: 0.2 },
    { count: 5, loss: 0.1 },
    { count: 6, loss: 0 },
  ]);
});

test('measures about six counts, down to the fewest that a token needs', () => {
  expect(measuredCounts(64, 2)).toEqual([36, 20, 11, 6, 4, 2]);
  expect(measuredCounts(8, 1)).toEqual([6, 4, 3, 2, 1]);
  expect(measuredCounts(2, 2)).toEqual([]);
});

test('of an exact size, equals brute force, and is refused where sizes cannot add up', () => {
  const random = seededRandom(2);
  let infeasible = 0;
  for (let instance = 0; instance < 300; instance += 1) {
    const layers = Array.from({ length: 1 + random.integer(4) }, () =>
      Array.from({ length: 1 + random.integer(4) }, () => ({
        size: 1 + random.integer(9),
        loss: random.float() - 0.3,
      })),
    );
    const budget = random.integer(9 * layers.length);
    const least = bruteForce(layers, budget, (size) => size === budget);
    const found = allocateLayers(layers, budget, true);
    expect(found === null).toBe(least === null);
    if (found === null || least === null) infeasible += 1;
    else {
      expect(found.size).toBe(budget);
      expect(found.loss).toBeCloseTo(least, 12);
    }
  }
  expect(infeasible).toBeGreaterThan(20);
  expect(infeasible).toBeLessThan(280);
});

test('measured losses move experts to the layers that lose most, and keep as many in all', () => {
  const needy = [
    { count: 4, loss: 2 },
    { count: 2, loss: 5 },
  ];
  const idle = [
    { count: 4, loss: 0 },
    // Measured better than unpruned, by chance: as many experts stay in all even so.
    { count: 2, loss: -0.1 },
  ];
  expect(measuredBudget([needy, idle], 8, 5)).toEqual([8, 2]);
  expect(measuredBudget([idle, idle], 8, 6)).toHaveLength(2);
  expect(measuredBudget([idle, idle], 8, 6).reduce((sum, count) => sum + count)).toBe(12);
  expect(() => measuredBudget([needy], 8, 1)).toThrow('no counts');
});
