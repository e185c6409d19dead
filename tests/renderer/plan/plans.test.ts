import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeFate, expertFates, goes, keptExperts } from '../../../renderer/plan/expert-fates.ts';
import { keptAtFactor } from '../../../main/contract/keep-from-factor.ts';
import { numberRanges, possibleKept, standardFactors } from '../../../renderer/plan/kept-counts.ts';

test('a drop plan keeps the listed experts and drops the rest', () => {
  const fates = expertFates(
    {
      kept: [
        [0, 3],
        [1, 2],
      ],
    },
    4,
  );
  expect(keptExperts(fates)).toEqual([
    [0, 3],
    [1, 2],
  ]);
  expect(fates[0]?.map(goes)).toEqual([false, true, true, false]);
});

test('a merge keeps references, and states where members go and with which weight', () => {
  const fates = expertFates(
    {
      router: 'reference-row',
      align: true,
      groups: [
        [
          { members: [0, 2], reference: 2, weights: [1, 3] },
          { members: [1], reference: 1, weights: [5] },
          { members: [3, 4], reference: 3, weights: [0, 0] },
        ],
      ],
    },
    5,
  );
  expect(fates[0]).toEqual([
    { kind: 'merged', into: 2, weight: 0.25 },
    { kind: 'kept' },
    { kind: 'reference', members: [0, 2], weight: 0.75 },
    { kind: 'reference', members: [3, 4], weight: 0.5 },
    { kind: 'merged', into: 3, weight: 0.5 },
  ]);
  expect(keptExperts(fates)).toEqual([[1, 2, 3]]);
  expect(describeFate({ kind: 'merged', into: 2, weight: 0.25 })).toBe('merged into expert 2');
});

test('kept counts end at top-k, and each survives the conversion to its factor and back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 256 }), fc.nat(), (experts, k) => {
      const counts = { experts, topK: 1 + (k % experts) };
      const kept = possibleKept(counts);
      expect(kept[0]).toBe(experts);
      expect(kept.at(-1)).toBe(counts.topK);
      for (const count of kept) expect(keptAtFactor(counts, experts / count)).toBe(count);
    }),
  );
});

test('standard factors are the powers of two that leave a whole number of experts, at least top-k', () => {
  expect(standardFactors({ experts: 16, topK: 2 })).toEqual([1, 2, 4, 8]);
  expect(standardFactors({ experts: 60, topK: 4 })).toEqual([1, 2, 4]);
  expect(standardFactors({ experts: 8, topK: 8 })).toEqual([1]);
});

test('lists of experts are written as ranges', () => {
  expect(numberRanges([0, 1, 2, 3, 7, 9, 10])).toBe('0–3, 7, 9, 10');
  expect(numberRanges([])).toBe('');
});
