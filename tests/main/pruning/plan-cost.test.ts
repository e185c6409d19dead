import { describe, expect, it } from 'vitest';
import type { ModelInfo } from '../../../main/contract/model.ts';
import type { MergePlan } from '../../../main/contract/plan.ts';
import { planCost } from '../../../main/pruning/plan-cost.ts';

// 2 layers of 4 experts with 3 * 8 * 16 = 384 weights, routers of 4 rows of 8, and 1000 other weights; float16.
const model: ModelInfo = {
  family: 'mixtral',
  layers: 2,
  moeLayers: 2,
  experts: 4,
  topK: 2,
  hidden: 8,
  expertWidth: 16,
  sharedExperts: 0,
  normTopK: true,
  vocabulary: 10,
  maxPositions: 64,
  dtype: 'float16',
  supported: true,
  reasons: [],
  parameters: { total: 3072 + 64 + 1000, expert: 3072, active: 2 * 2 * 384 + 64 + 1000 },
  sizeBytes: 2 * (3072 + 64 + 1000),
  memory: { resident: 0, streaming: 0, float16: { resident: 0, streaming: 0 }, torch: { float32: 0, half: 0 } },
};
const pair = (a: number, b: number) => ({ members: [a, b], reference: a, weights: [1, 1] });
const merge = (router: MergePlan['router']): MergePlan => ({
  groups: [
    [pair(0, 1), pair(2, 3)],
    [pair(0, 2), pair(1, 3)],
  ],
  router,
  align: true,
});

describe('planCost', () => {
  it('subtracts the dropped experts and their router rows', () => {
    expect(
      planCost(model, {
        kept: [
          [0, 1],
          [1, 3],
        ],
      }),
    ).toEqual({
      parameters: { total: 1536 + 32 + 1000, expert: 1536, active: 1536 + 32 + 1000 },
      sizeBytes: 2 * (1536 + 32 + 1000),
      before: { ...model.parameters, sizeBytes: model.sizeBytes },
      keptPerLayer: [2, 2],
      topK: 2,
      exportable: { hf: true, reason: null },
    });
  });

  it('counts a constant for a chosen expert where a layer keeps fewer experts than top-k', () => {
    const { parameters, topK } = planCost(model, { kept: [[1], [0, 1, 3]], constants: { weights: '0'.repeat(32) } });
    expect(parameters).toEqual({
      total: 4 * 384 + 4 * 8 + 64 + 1000,
      expert: 4 * 384 + 4 * 8,
      active: 3 * 384 + 8 + 64 + 1000,
    });
    expect(topK).toBe(2);
  });

  it('costs nothing to keep everything', () => {
    const { parameters, sizeBytes } = planCost(model, {
      kept: [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
    });
    expect({ parameters, sizeBytes }).toEqual({ parameters: model.parameters, sizeBytes: model.sizeBytes });
  });

  it('lowers top-k to the number of remaining experts', () => {
    const cost = planCost(model, { kept: [[0], [1]] });
    expect(cost.topK).toBe(1);
    expect(cost.parameters).toEqual({ total: 768 + 16 + 1000, expert: 768, active: 768 + 16 + 1000 });
  });

  it('cannot export layers of different sizes to a stock loader', () => {
    const { exportable, keptPerLayer } = planCost(model, {
      kept: [
        [0, 1, 2],
        [1, 3],
      ],
    });
    expect(keptPerLayer).toEqual([3, 2]);
    expect(exportable.hf).toBe(false);
    expect(exportable.reason).toContain('between 2 and 3 experts');
  });

  it('counts a merge like a drop where one router row stays per group, and keeps all rows otherwise', () => {
    for (const router of ['reference-row', 'mean-row'] as const) {
      const cost = planCost(model, merge(router));
      expect(cost.parameters.total).toBe(1536 + 32 + 1000);
      expect(cost.exportable).toEqual({ hf: true, reason: null });
    }
    for (const router of ['mapped-rows', 'summed-probabilities'] as const) {
      const cost = planCost(model, merge(router));
      expect(cost.parameters).toEqual({ total: 1536 + 64 + 1000, expert: 1536, active: 1536 + 64 + 1000 });
      expect(cost.exportable.hf).toBe(false);
      expect(cost.exportable.reason).toContain(router);
      expect(cost.exportable.reason).toContain('Use reference-row or mean-row to export.');
    }
  });

  it('names a remedy for all that keeps a merge from stock loaders: its router rows and its numbers by layer', () => {
    const uneven = {
      ...merge('mapped-rows'),
      groups: [[pair(0, 1), pair(2, 3)], [{ ...pair(0, 1), members: [0, 1, 2, 3] }]],
    };
    expect(planCost(model, uneven).exportable.reason).toContain(
      'Use reference-row or mean-row, and the uniform budget, to export.',
    );
  });
});
