import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cheapestMergeCounts } from '../../../main/pruning/methods/merges-of-nearest.ts';
import { inverseImportanceCounts } from '../../../main/pruning/layer-counts.ts';
import { aboveThreshold } from '../../../main/pruning/methods/tsep.ts';
import { usageThresholdCounts } from '../../../main/pruning/methods/merges-into-leaders.ts';

const row = (...values: number[]) => Float64Array.from(values);

describe('inverseImportanceCounts', () => {
  it('removes most from the least important layers', () => {
    expect(inverseImportanceCounts([1, 1, 1], 8, 4, 2)).toEqual([4, 4, 4]);
    expect(inverseImportanceCounts([1, 3], 8, 4, 1)).toEqual([2, 6]);
    expect(inverseImportanceCounts([1e-9, 1], 8, 4, 2)).toEqual([2, 6]);
    expect(inverseImportanceCounts([0, 0], 8, 8, 2)).toEqual([8, 8]);
  });

  it('keeps keep * L experts, none below the least, and more in more important layers', () => {
    const request = fc.record({
      importance: fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 6 }),
      least: fc.integer({ min: 1, max: 3 }),
      keep: fc.integer({ min: 3, max: 9 }),
    });
    fc.assert(
      fc.property(request, ({ importance, least, keep }) => {
        const counts = inverseImportanceCounts(importance, 9, keep, least);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(keep * importance.length);
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(least);
        expect(Math.max(...counts)).toBeLessThanOrEqual(9);
        importance.forEach((a, i) =>
          importance.forEach((b, j) => {
            if (a > b) expect(counts[i]!).toBeGreaterThanOrEqual(counts[j]! - 1);
          }),
        );
      }),
    );
  });
});

describe('usageThresholdCounts', () => {
  it('counts values above the one at index keep * L, the top of each layer always among them', () => {
    expect(usageThresholdCounts([row(60, 30, 10, 0), row(40, 30, 20, 10)], 2)).toEqual([2, 2]);
    expect(usageThresholdCounts([row(97, 1, 1, 1), row(40, 30, 20, 10)], 2)).toEqual([1, 3]);
  });

  it('loses values that equal the threshold', () => {
    expect(usageThresholdCounts([row(40, 20, 20, 20)], 2)).toEqual([1]);
  });
});

describe('cheapestMergeCounts', () => {
  const merges = [
    [1, 2, 9].map((height, at) => ({ first: 0, second: at + 1, height })),
    [3, 4, 5].map((height, at) => ({ first: 0, second: at + 1, height })),
  ];
  it('merges where it costs least, within the layers that share', () => {
    expect(cheapestMergeCounts(merges, 4, 2, 1)).toEqual([2, 2]);
    expect(cheapestMergeCounts(merges, 4, 3, 1)).toEqual([2, 4]);
    expect(cheapestMergeCounts(merges, 4, 3, 1, 1)).toEqual([3, 3]);
    expect(cheapestMergeCounts(merges, 4, 3, 3)).toEqual([3, 3]);
  });
});

describe('aboveThreshold', () => {
  it('keeps what exceeds its fraction of the mean, at least the minimum', () => {
    const usage = row(50, 30, 15, 5);
    const all = [0, 1, 2, 3];
    expect(aboveThreshold(usage, all, { beta: 0.4, minimum: 1 })).toEqual([0, 1, 2]);
    expect(aboveThreshold(usage, all, { beta: 0.6, minimum: 1 })).toEqual([0, 1]);
    expect(aboveThreshold(usage, all, { beta: 3, minimum: 3 })).toEqual([0, 1, 2]);
    expect(aboveThreshold(usage, [1, 2, 3], { beta: 1, minimum: 1 })).toEqual([1]);
    expect(aboveThreshold(usage, all, { beta: 0.1, minimum: 2, toMinimum: true })).toEqual([0, 1]);
    expect(aboveThreshold(row(0, 0), [0, 1], { beta: 0.5, minimum: 1 })).toEqual([0, 1]);
  });
});
