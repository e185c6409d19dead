import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextKeptCount, type TestedCount } from '../../../main/evaluation/threshold.ts';

/** Runs the adaptive mode to its end against a truth in which `boundary` experts and more are safe. */
const runToEnd = (experts: number, minimum: number, boundary: number, start: readonly TestedCount[]): TestedCount[] => {
  const tested = [...start];
  for (;;) {
    const kept = nextKeptCount(tested, experts, minimum);
    if (kept === null) return tested;
    if (tested.some((count) => count.kept === kept)) throw new Error(`${kept} was tested before`);
    if (tested.length > experts + start.length) throw new Error('does not end');
    tested.push({ kept, safe: kept >= boundary });
  }
};

const setting = fc.tuple(fc.integer({ min: 2, max: 256 }), fc.nat(), fc.nat()).map(([experts, a, b]) => {
  const minimum = 1 + (a % experts);
  return { experts, minimum, boundary: minimum + (b % (experts - minimum + 1)) };
});

const smallestSafe = (tested: readonly TestedCount[], experts: number): number =>
  Math.min(experts, ...tested.filter(({ safe }) => safe).map(({ kept }) => kept));

describe('nextKeptCount', () => {
  it('finds the exact boundary within ceil(log2 of the width) tests', () => {
    fc.assert(
      fc.property(setting, ({ experts, minimum, boundary }) => {
        const tested = runToEnd(experts, minimum, boundary, []);
        expect(smallestSafe(tested, experts)).toBe(boundary);
        expect(tested.length).toBeLessThanOrEqual(Math.ceil(Math.log2(experts - minimum + 1)));
        expect(tested.every(({ kept }) => kept >= minimum && kept < experts)).toBe(true);
      }),
    );
  });

  it('goes on inside the bracket of a sweep over factors', () => {
    fc.assert(
      fc.property(setting, ({ experts, minimum, boundary }) => {
        const start = [2, 4, 8, 16]
          .map((factor) => Math.round(experts / factor))
          .filter((kept) => kept >= minimum)
          .map((kept) => ({ kept, safe: kept >= boundary }));
        const unsafe = Math.max(minimum - 1, ...start.filter(({ safe }) => !safe).map(({ kept }) => kept));
        const width = smallestSafe(start, experts) - unsafe;
        const tested = runToEnd(experts, minimum, boundary, start);
        expect(smallestSafe(tested, experts)).toBe(boundary);
        expect(tested.length - start.length).toBeLessThanOrEqual(Math.ceil(Math.log2(width)));
      }),
    );
  });

  it('reads a safe count below an unsafe one as outside the bracket', () => {
    const tested = [
      { kept: 8, safe: true },
      { kept: 6, safe: false },
      { kept: 4, safe: true },
    ];
    expect(nextKeptCount(tested, 16, 2)).toBe(7);
    expect(nextKeptCount([...tested, { kept: 7, safe: true }], 16, 2)).toBeNull();
  });
});
