import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMergePlan } from '../../../../main/contract/plan.ts';
import { candidatePlan } from '../../../../main/pruning/search/candidate-plan.ts';
import { oneHotMatrices } from '../../../../main/pruning/search/matrices.ts';
import { validatePlan } from '../../../../main/pruning/validate-plan.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

describe('candidatePlan', () => {
  it('is a valid plan for any matrices, with unchanged numbers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        (experts, wanted, layers, seed) => {
          const keep = Math.min(wanted, experts);
          const random = seededRandom(seed >>> 0);
          const matrix = () =>
            Array.from({ length: keep }, () =>
              Float64Array.from({ length: experts }, () => (random.float() < 0.3 ? 0 : 2 * random.float() - 1)),
            );
          const lists = (rows: readonly Float64Array[]) => rows.map((row) => [...row]);
          const given = Array.from({ length: layers }, () => ({ merge: matrix(), router: matrix() }));
          const plan = validatePlan(candidatePlan({ kind: 'matrices', layers: given }), {
            moeLayers: layers,
            experts,
            topK: 1,
          });
          if (!isMergePlan(plan)) throw new Error('no merge');
          expect(plan.blend).toEqual(
            given.map(({ merge, router }) => ({ merge: lists(merge), router: lists(router) })),
          );
          expect(plan.groups.every((groups) => groups.length === keep)).toBe(true);
        },
      ),
    );
  });

  it('identifies the expert of each new one from one-hot matrices', () => {
    const plan = candidatePlan({ kind: 'matrices', layers: [oneHotMatrices([1, 3], 5)] });
    if (!isMergePlan(plan)) throw new Error('no merge');
    expect(plan.groups[0]?.map(({ reference }) => reference)).toEqual([1, 3]);
  });

  it('sorts kept experts', () => {
    expect(
      candidatePlan({
        kind: 'kept',
        kept: [
          [3, 0],
          [1, 2],
        ],
      }),
    ).toEqual({
      kept: [
        [0, 3],
        [1, 2],
      ],
    });
  });
});
