import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import { keepFromFactor } from '../../../main/contract/keep-from-factor.ts';

const model = fc.tuple(fc.integer({ min: 1, max: 256 }), fc.nat(), fc.nat()).map(([experts, a, b]) => {
  const topK = 1 + (a % experts);
  return { experts, topK, keep: topK + (b % (experts - topK + 1)) };
});

const remedyOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof WorkbenchError) return error.remedy;
    throw error;
  }
  return 'nothing was refused';
};

describe('keepFromFactor', () => {
  it('takes the nearest count, the larger one on a tie', () => {
    const kept = (factor: number) => keepFromFactor(16, 2, factor);
    expect([1, 2, 4, 8].map(kept)).toEqual([16, 8, 4, 2]);
    expect(kept(3)).toBe(5);
    expect(kept(6)).toBe(3);
    expect(keepFromFactor(10, 2, 4)).toBe(3);
    expect(keepFromFactor(60, 4, 15)).toBe(4);
  });

  it('finds the count of every factor that a plan can reach, exact or printed with two decimals', () => {
    fc.assert(
      fc.property(model, ({ experts, topK, keep }) => {
        expect(keepFromFactor(experts, topK, experts / keep)).toBe(keep);
      }),
    );
    for (let experts = 2; experts <= 100; experts++) {
      for (let keep = 1; keep <= experts; keep++) {
        expect(keepFromFactor(experts, 1, Number((experts / keep).toFixed(2))), `${keep} of ${experts}`).toBe(keep);
      }
    }
  });

  it('refuses a factor that leaves fewer than top-k experts and names the largest', () => {
    expect(() => keepFromFactor(16, 2, 16)).toThrow('leaves 1 of 16 experts, fewer than the top-2');
    expect(() => keepFromFactor(16, 2, 9)).toThrow('leaves 1.78 of 16');
    expect(remedyOf(() => keepFromFactor(16, 2, 9))).toContain('at most 8 ');
    expect(remedyOf(() => keepFromFactor(16, 3, 6))).toContain('at most 5.33 ');
  });

  it('refuses values that are not a factor', () => {
    for (const factor of [0.5, 0, -2, NaN, Infinity]) {
      expect(() => keepFromFactor(16, 2, factor)).toThrow('is not a number of at least 1');
    }
  });
});
