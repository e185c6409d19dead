import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExpertGroupRule } from '../../../main/contract/model.ts';
import { keepByCounts } from '../../../main/pruning/budget.ts';
import { checkGroupedCounts, groupProblem } from '../../../main/pruning/expert-groups.ts';
import { validatePlan } from '../../../main/pruning/validate-plan.ts';
import { makePlan } from './plan-of-input.ts';

/** 16 experts in 4 groups, of which a token uses the best 2, ranked by their top two. */
const groups: ExpertGroupRule = { count: 4, kept: 2, least: 2 };
const target = { moeLayers: 2, experts: 16, topK: 2, expertGroups: groups };
const even = [0, 1, 5, 6, 8, 11, 14, 15];

describe('a router that chooses among groups of experts', () => {
  it('refuses plans that leave its groups unequal, naming layer and counts', () => {
    expect(() => validatePlan({ kept: [even, [0, 1, 2, 5, 8, 11, 14, 15]] }, target)).toThrow(
      'The plan keeps 3, 1, 2, 2 experts of the 4 groups that the router of layer 1 chooses among: it must ' +
        'keep as many of each.',
    );
    expect(validatePlan({ kept: [even, [...even].reverse()] }, target)).toEqual({ kept: [even, even] });
    const { expertGroups: _, ...plain } = target;
    expect(() => validatePlan({ kept: [even, [0, 1, 2, 5]] }, plain)).not.toThrow();
  });

  it('refuses too few for the sum of two, and for its top-k', () => {
    expect(groupProblem([0, 4, 8, 12], 0, 16, 2, groups)).toMatch(/keeps 1, 1, 1, 1 .* it needs at least 2 of each/);
    expect(groupProblem([0, 4, 8, 12], 0, 16, 2, { ...groups, least: 1 })).toBeNull();
    expect(groupProblem([0, 4, 8, 12], 0, 16, 3, { ...groups, least: 1 })).toMatch(/at least 2 of each/);
  });

  it('keeps the best experts of each group', () => {
    const better = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(better, fc.integer({ min: 1, max: 4 }), (values, each) => {
        const [kept = []] = keepByCounts([Float64Array.from(values)], [4 * each], [], groups);
        expect(kept).toEqual([...kept].sort((a, b) => a - b));
        for (let first = 0; first < 16; first += 4) {
          const own = kept.filter((expert) => expert >= first && expert < first + 4);
          expect(own.length).toBe(each);
          const worst = Math.min(...own.map((expert) => values[expert]!));
          for (let expert = first; expert < first + 4; expert += 1)
            if (!own.includes(expert)) expect(values[expert]).toBeLessThanOrEqual(worst);
        }
      }),
    );
  });

  it('applies pins within their group', () => {
    const scores = [Float64Array.from({ length: 16 }, (_, expert) => expert)];
    const pins = [0, 1].map((expert) => ({ layer: 0, expert, keep: true }));
    expect(keepByCounts(scores, [8], pins, groups)).toEqual([[0, 1, 6, 7, 10, 11, 14, 15]]);
    expect(() => keepByCounts(scores, [8], [...pins, { layer: 0, expert: 2, keep: true }], groups)).toThrow(
      /3 experts are pinned to stay and it keeps 2/,
    );
  });

  it('gets fitting plans from every seed, and refuses any other number', () => {
    const request = {
      method: 'random',
      statistics: [],
      layers: 2,
      experts: 16,
      topK: 2,
      groups,
      budget: 'uniform',
      pins: [],
    } as const;
    for (let seed = 0; seed < 20; seed += 1) {
      const plan = makePlan({ ...request, keep: 8, seed });
      expect(() => validatePlan(plan, target)).not.toThrow();
    }
    expect(() => makePlan({ ...request, keep: 6, seed: 0 })).toThrow(
      'Layer 0 cannot keep 6 experts: its router chooses among 4 groups, which must keep equal numbers.',
    );
    expect(() => makePlan({ ...request, keep: 4, seed: 0 })).toThrow(/cannot keep 4/);
    expect(() => {
      checkGroupedCounts([8, 9], 16, 2, groups);
    }).toThrow(/Layer 1 cannot keep 9/);
  });

  it.each([
    // Four groups of three: half of the experts is no multiple of four, and one of each group is too few.
    [6, 12, 'Keep 8 experts (--factor 1.5) in every layer: a multiple of 4, at least 8.'],
    [10, 16, 'Keep 8 experts (--factor 2) or 12 experts (--factor 1.333) in every layer: a multiple of 4, at least 8.'],
    [7, 8, 'No number below 8 works: the router needs at least 2 experts in each of the 4 groups.'],
  ])('names the nearest numbers that work for %d of %d experts', (count, experts, advice) => {
    expect(() => {
      checkGroupedCounts([count], experts, 2, { count: 4, kept: 2, least: 2 });
    }).toThrow(expect.objectContaining({ remedy: expect.stringContaining(advice) }));
  });
});
