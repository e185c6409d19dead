import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isMergePlan } from '../../../../main/contract/plan.ts';
import { fullStatistics } from '../random-statistics.ts';
import { makePlan } from '../plan-of-input.ts';

const sizes = { layers: 2, experts: 8, topK: 1, tokens: 40 };
const profile = fullStatistics(sizes, 1);

/** Groups per layer with `ties: lost` at `keep` groups per layer on average. */
const groupsOf = (counts: readonly (readonly number[])[], keep: number): readonly number[] => {
  const plan = makePlan({
    method: 'm-smoe',
    options: { ties: 'lost' },
    statistics: [{ ...profile, counts: Float64Array.from(counts.flat()) }],
    layers: 2,
    experts: 8,
    topK: 1,
    keep,
    budget: 'global',
    pins: [],
    seed: 0,
  });
  if (!isMergePlan(plan)) throw new Error('m-smoe merges');
  return plan.groups.map((groups) => groups.length);
};

test('ties: lost treats experts of equal counts as equal, whatever their layers', () => {
  const others = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(
      others,
      others,
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 7 }),
      (some, more, count, keep) => {
        // As many tokens in both layers, one expert with the same count in each, and a top expert with the rest.
        const layers = [some, more].map((own) => [
          1000 - count - own.reduce((sum, value) => sum + value, 0),
          count,
          ...own,
        ]);
        // The two top experts count as 1 and come first; the threshold is the count at index 2 keep.
        const threshold = layers.flat().sort((a, b) => b - a)[2 * keep]!;
        expect(groupsOf(layers, keep)).toEqual(layers.map((own) => own.filter((value) => value > threshold).length));
      },
    ),
    { numRuns: 300 },
  );
});
