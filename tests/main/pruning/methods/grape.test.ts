import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isMergePlan, type Plan } from '../../../../main/contract/plan.ts';
import { redundancyCounts } from '../../../../main/pruning/methods/merges-of-nearest.ts';
import type { PlanInput } from '../../../../main/pruning/method.ts';
import vectors from '../../../fixtures/python/methods.json' with { type: 'json' };
import { fullStatistics } from '../random-statistics.ts';
import { makePlan } from '../plan-of-input.ts';

const planOf = (own: Partial<PlanInput>): Plan =>
  makePlan({
    method: 'grape',
    statistics: [],
    layers: 3,
    experts: 6,
    topK: 1,
    keep: 3,
    budget: 'global',
    pins: [],
    seed: 0,
    ...own,
  });

const membersOf = (plan: Plan): number[][][] => {
  if (!isMergePlan(plan)) throw new Error('grape merges');
  return plan.groups.map((groups) => groups.map(({ members }) => members));
};

test.each(vectors.grape.map((vector, at) => [at, vector] as const))(
  'vector %i: the clusters are those of the printed algorithm',
  (_, { similarities, experts, total, tolerance, clusters }) => {
    const profile = fullStatistics({ layers: similarities.length, experts, topK: 1, tokens: 40 }, 1);
    const cosineSum = Float64Array.from(similarities.flat(2), (likeness) => (2 * likeness - 1) * profile.tokens);
    const { outputs } = profile;
    const statistics = {
      ...profile,
      outputs: { ...outputs!, everywhere: { ...outputs!.everywhere!, cosineSum } },
    };
    const own = { layers: similarities.length, experts, topK: 1, options: { similarity: 'outputs', tolerance } };
    // A total that is no multiple of the layers cannot be requested as a plan: its counts are compared alone.
    const keep = total / similarities.length;
    const counts = redundancyCounts(
      similarities.map((rows) => Float64Array.from(rows.flat())),
      experts,
      keep,
      1,
      tolerance,
    );
    expect(counts).toEqual(clusters.map((layer) => layer.length));
    expect(membersOf(planOf({ ...own, statistics: [statistics], budget: 'manual', counts }))).toEqual(clusters);
    if (Number.isInteger(keep)) expect(membersOf(planOf({ ...own, statistics: [statistics], keep }))).toEqual(clusters);
  },
);

test('keeps as many as asked, none below the least, and evenly without tolerance', () => {
  const square = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 64, maxLength: 64 });
  const layer = square.map((values) =>
    Float64Array.from(values, (_, at) => values[Math.min(at, 8 * (at % 8) + Math.floor(at / 8))]!),
  );
  const request = fc.record({
    layers: fc.array(layer, { minLength: 1, maxLength: 5 }),
    least: fc.integer({ min: 1, max: 3 }),
    keep: fc.integer({ min: 3, max: 8 }),
    tolerance: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(request, ({ layers, least, keep, tolerance }) => {
      const counts = redundancyCounts(layers, 8, keep, least, tolerance);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(keep * layers.length);
      for (const count of counts) expect(count).toBeGreaterThanOrEqual(least);
      const even = redundancyCounts(layers, 8, keep, least, 0);
      expect(Math.max(...even) - Math.min(...even)).toBeLessThanOrEqual(Math.max(...counts) - Math.min(...counts) + 1);
    }),
    { numRuns: 100 },
  );
});

test('reads router logits alone, and needs the outputs where they are chosen', () => {
  const { outputs: _, ...blind } = fullStatistics({ layers: 3, experts: 6, topK: 1, tokens: 40 }, 2);
  const options = { similarity: 'outputs' };
  expect(() => planOf({ statistics: [blind], options })).toThrow('the outputs of every expert on every token');
  expect(membersOf(planOf({ statistics: [blind] })).flat()).toHaveLength(9);
});
