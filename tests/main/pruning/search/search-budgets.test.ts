import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BudgetSearchRequest, searchBudgets, shareOut } from '../../../../main/pruning/search/search-budgets.ts';

const { signal } = new AbortController();
const settings = { evaluations: 200, population: 16, parents: 4, shifts: 3, shift: 4 };
const search = (own: Partial<BudgetSearchRequest>) =>
  searchBudgets({
    layers: 4,
    experts: 16,
    keep: 8,
    least: 2,
    seed: 1,
    settings,
    fitness: () => Promise.resolve(0),
    signal,
    ...own,
  });

test('shares experts out by their weights, within what a layer can lose', () => {
  expect(shareOut([1, 1, 1], 7, 8)).toEqual([3, 2, 2]);
  expect(shareOut([6, 1, 1], 12, 6)).toEqual([6, 3, 3]);
  expect(() => shareOut([1, 1], 9, 4)).toThrow('cannot drop 9 experts');
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1e-4, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
      fc.nat(8),
      fc.nat(100),
      (weights, most, share) => {
        const total = Math.floor((weights.length * most * share) / 100);
        const dropped = shareOut(weights, total, most);
        expect(dropped.reduce((sum, value) => sum + value, 0)).toBe(total);
        for (const value of dropped) expect(value).toBeLessThanOrEqual(most);
      },
    ),
  );
});

test('finds the best allocation of a fitness that adds up over layers, the same every time', async () => {
  // Concave in each layer, so that the best allocation follows from taking the steepest step again and again.
  const gains = [1, 5, 2, 9];
  const value = (counts: readonly number[]): number =>
    counts.reduce((sum, count, layer) => sum + gains[layer]! * Math.log(count), 0);
  const best = [2, 2, 2, 2];
  for (let left = 32 - 8; left > 0; left--) {
    const open = [...best.keys()].filter((layer) => best[layer]! < 16);
    const gain = (layer: number): number => gains[layer]! * Math.log((best[layer]! + 1) / best[layer]!);
    best[open.reduce((most, layer) => (gain(layer) > gain(most) ? layer : most))]! += 1;
  }
  const fitness = (counts: readonly number[]): Promise<number> => Promise.resolve(value(counts));
  for (const seed of [1, 2, 3]) {
    const found = await search({ seed, fitness });
    expect(found.counts).toEqual(best);
    expect(found.fitness).toBe(value(best));
    expect(await search({ seed, fitness })).toEqual(found);
  }
});

test('measures each allocation once, within its budget; all keep as many, none too few', async () => {
  const seen = new Set<string>();
  const found = await search({
    fitness: (counts) => {
      expect(seen.has(counts.join())).toBe(false);
      seen.add(counts.join());
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(32);
      for (const count of counts) expect(count).toBeGreaterThanOrEqual(2);
      return Promise.resolve(0);
    },
  });
  expect([seen.size, found.measured]).toEqual([200, 200]);
  // The uniform allocation is measured first, and wins ties.
  expect(found.counts).toEqual([8, 8, 8, 8]);
  expect((await search({ keep: 2 })).measured).toBe(1);
  await expect(search({ signal: AbortSignal.abort() })).rejects.toThrow('cancelled');
});
