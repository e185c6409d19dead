import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestServingCount, servingAdvice } from '../../../main/export/serving-advice.ts';

const served = { experts: 64, topK: 8, groups: 1 };

describe('serving advice', () => {
  it('suggests 48 instead of 47, 12 instead of 11, and nothing if none is near', () => {
    expect(nearestServingCount({ ...served, kept: 47 })).toBe(48);
    expect(nearestServingCount({ ...served, kept: 33 })).toBe(32);
    expect(nearestServingCount({ ...served, experts: 16, topK: 4, kept: 11 })).toBe(12);
    expect(nearestServingCount({ ...served, kept: 48 })).toBe(null);
  });

  it('says over how many devices the experts split evenly, and how many redundant ones other numbers need', () => {
    const [, parallel, nearest] = servingAdvice({ ...served, kept: 47 });
    expect(parallel).toBe(
      'Expert parallelism splits the experts of a layer: 47 split evenly over none of 2, 4 and 8 devices; over 2, 4 ' +
        'and 8 its load balancing (EPLB) needs redundant experts (1 for 2, 1 for 4, 1 for 8).',
    );
    expect(nearest).toBe('48 instead of 47 would split evenly over more devices.');
    expect(servingAdvice({ ...served, kept: 48 })).toEqual([
      expect.stringContaining('Tensor parallelism'),
      'Expert parallelism splits the experts of a layer: 48 split evenly over 2, 4 and 8 devices, as its load ' +
        'balancing (EPLB) requires.',
    ]);
  });

  it('warns if each group of the router has one expert left', () => {
    expect(servingAdvice({ experts: 64, topK: 2, groups: 8, kept: 8 }).at(-1)).toMatch(/8 groups.*at least 16/);
    expect(servingAdvice({ experts: 64, topK: 2, groups: 8, kept: 16 }).join(' ')).not.toMatch(/groups of the router/);
  });

  it('never suggests a count that a plan could not keep, that splits worse, or that is far away', () => {
    const numbers = fc.record({
      experts: fc.integer({ min: 2, max: 512 }),
      topK: fc.integer({ min: 1, max: 8 }),
      groups: fc.constantFrom(1, 2, 4, 8),
      kept: fc.integer({ min: 1, max: 512 }),
    });
    const evenOver = (count: number): number => [2, 4, 8].filter((devices) => count % devices === 0).length;
    fc.assert(
      fc.property(numbers, (given) => {
        const nearest = nearestServingCount(given);
        if (nearest === null) return;
        expect(nearest).toBeGreaterThanOrEqual(given.topK);
        expect(nearest).toBeLessThan(given.experts);
        expect(nearest % given.groups).toBe(0);
        expect(evenOver(nearest)).toBeGreaterThan(evenOver(given.kept));
        expect(Math.abs(nearest - given.kept)).toBeLessThanOrEqual(Math.max(1, given.kept / 20));
      }),
    );
  });
});
