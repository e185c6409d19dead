import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factorKey, isFactorAtMost, isSameFactor, pointNameKey } from '../../../main/contract/sweep.ts';

const experts = fc.integer({ min: 1, max: 512 });

test('a factor is equal however its quotient was computed, and differs from any other factor of a model', () => {
  fc.assert(
    fc.property(experts, experts, experts, (total, kept, other) => {
      const factor = total / kept;
      const again = (total * 3) / (kept * 3) + 1e-13 * factor;
      expect(isSameFactor(factor, again)).toBe(true);
      expect(factorKey(factor)).toBe(factorKey(again));
      expect(isSameFactor(factor, total / other)).toBe(kept === other);
      expect(isFactorAtMost(factor, total / other)).toBe(kept >= other);
    }),
  );
});

test('a point is named by model, task, method, seed and factor', () => {
  const point = { model: 'm', task: 't', method: 'reap', seed: null, factor: 16 / 3 };
  expect(pointNameKey({ ...point, factor: 5.333333333333333 })).toBe(pointNameKey(point));
  expect(pointNameKey({ ...point, seed: 0 })).not.toBe(pointNameKey(point));
});
