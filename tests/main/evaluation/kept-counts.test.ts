import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bracketFirst, waveOrder } from '../../../main/evaluation/kept-counts.ts';

const EXPERTS = 64;
const counts = fc.uniqueArray(fc.integer({ min: 1, max: EXPERTS - 1 }), { minLength: 1, maxLength: 12 });

/** The threshold rule: the smallest count such that it and every larger one that was tested are safe. */
const lastSafe = (tested: ReadonlyMap<number, boolean>): number => {
  let last = EXPERTS;
  for (const kept of [...tested.keys()].sort((left, right) => right - left)) {
    if (tested.get(kept) !== true) return last;
    last = kept;
  }
  return last;
};

/** Measures a curve in the given order, which is asked for again after every count. */
const measured = (all: readonly number[], isSafe: (kept: number) => boolean): readonly number[] => {
  const order: number[] = [];
  while (order.length < all.length) {
    const tested = order.map((kept) => ({ kept, safe: isSafe(kept) }));
    const [next] = bracketFirst({ missing: all.filter((kept) => !order.includes(kept)), tested }, EXPERTS);
    if (next === undefined) throw new Error('a count was left out');
    order.push(next);
  }
  return order;
};

describe('the order in which candidates are measured', () => {
  it('begins in the middle of the range, and continues next to the bracket', () => {
    expect(bracketFirst({ missing: [32, 16, 8, 4, 2], tested: [] }, EXPERTS)).toEqual([8, 16, 2, 32, 4]);
    const tested = [
      { kept: 8, safe: false },
      { kept: 32, safe: true },
    ];
    expect(bracketFirst({ missing: [48, 16, 4, 2], tested }, EXPERTS)).toEqual([16, 48, 4, 2]);
    const curves = [
      { missing: [32, 16, 8], tested: [] },
      { missing: [16, 8], tested: [{ kept: 32, safe: false }] },
    ];
    expect(waveOrder(curves, EXPERTS)).toEqual([
      [0, 16],
      [1, 16],
      [0, 32],
      [1, 8],
      [0, 8],
    ]);
  });

  it('takes every count of every curve once, whatever was tested, and those in the bracket before all others', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(counts, fc.array(fc.boolean(), { maxLength: 6 }))), (curves) => {
        const open = curves.map(([all, verdicts]) => ({
          missing: all.slice(verdicts.length),
          tested: all.slice(0, verdicts.length).map((kept, index) => ({ kept, safe: verdicts[index] === true })),
        }));
        const order = waveOrder(open, EXPERTS);
        for (const [curve, { missing, tested }] of open.entries()) {
          const own = order.filter(([index]) => index === curve).map(([, kept]) => kept);
          expect([...own].sort()).toEqual([...missing].sort());
          const unsafe = Math.max(0, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept));
          const above = tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept);
          const isInside = own.map((kept) => kept > unsafe && kept < Math.min(EXPERTS, ...above));
          expect(isInside).toEqual([...isInside].sort((left, right) => Number(right) - Number(left)));
        }
      }),
    );
  });

  it('ends with the threshold of any other order, and knows it after log2 of the counts if safety is monotone', () => {
    fc.assert(
      fc.property(counts, fc.func(fc.boolean()), (all, isSafe) => {
        const tested = (order: readonly number[]) => new Map(order.map((kept) => [kept, isSafe(kept)]));
        expect(lastSafe(tested(measured(all, isSafe)))).toBe(lastSafe(tested(all)));
      }),
    );
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: EXPERTS }), (all, smallest) => {
        const isSafe = (kept: number): boolean => kept >= smallest;
        const enough = Math.ceil(Math.log2(all.length + 1));
        const early = new Map(
          measured(all, isSafe)
            .slice(0, enough)
            .map((kept) => [kept, isSafe(kept)]),
        );
        expect(lastSafe(early)).toBe(Math.min(EXPERTS, ...all.filter(isSafe)));
      }),
    );
  });
});
