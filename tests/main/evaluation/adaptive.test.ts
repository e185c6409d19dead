import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextKeptCount, nextToConfirm, type TestedCount } from '../../../main/evaluation/kept-counts.ts';
import { readInSequence } from '../../../main/evaluation/threshold.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

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

  it('continues inside the bracket of a sweep over factors', () => {
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

describe('nextToConfirm', () => {
  const grid = [32, 16, 8, 4];

  /** The result of an adaptive sweep over 64 experts, where `passes` says whether the test of a count succeeds. */
  const named = (passes: (kept: number) => boolean, isConfirmed: boolean): number => {
    const tested = grid.map((kept) => ({ kept, safe: passes(kept) }));
    for (;;) {
      const kept = nextKeptCount(tested, 64, 2) ?? (isConfirmed ? nextToConfirm(tested, 64) : null);
      if (kept === null) break;
      tested.push({ kept, safe: passes(kept) });
    }
    const { lastSafe } = readInSequence(
      tested.map(({ kept, safe }) => ({ factor: 64 / kept, verdict: safe ? 'safe' : 'undecided' })),
    );
    return Math.round(64 / lastSafe);
  };

  /** Share of sweeps that name a truly unsafe count: independent tests, each of which an unsafe count passes in 5 %. */
  const errorOf = (boundary: number, isConfirmed: boolean, seed: number): number => {
    const random = seededRandom(seed);
    const sweeps = 4000;
    let wrong = 0;
    for (let sweep = 0; sweep < sweeps; sweep += 1) {
      const known = new Map<number, boolean>();
      const passes = (kept: number): boolean => {
        const before = known.get(kept);
        if (before !== undefined) return before;
        const safe = kept >= boundary || random.float() < 0.05;
        known.set(kept, safe);
        return safe;
      };
      if (named(passes, isConfirmed) < boundary) wrong += 1;
    }
    return wrong / sweeps;
  };

  it('holds the chance of naming an unsafe count to 5 % (simulation), which bisection alone does not', () => {
    // 4000 sweeps: a standard error of 0.0035 at 5 %.
    for (const boundary of [64, 48, 31, 13, 5]) expect(errorOf(boundary, true, boundary)).toBeLessThan(0.05 + 0.012);
    expect(errorOf(31, false, 7)).toBeGreaterThan(0.1);
  });

  it('tests every count from the largest down to the found one, and stops at an unsafe one', () => {
    const found = [
      { kept: 6, safe: false },
      { kept: 7, safe: true },
    ];
    expect(nextToConfirm(found, 10)).toBe(9);
    expect(nextToConfirm([...found, { kept: 9, safe: true }], 10)).toBe(8);
    expect(nextToConfirm([...found, { kept: 9, safe: false }], 10)).toBeNull();
    expect(nextToConfirm([...found, { kept: 9, safe: true }, { kept: 8, safe: false }], 10)).toBeNull();
    expect(nextToConfirm([{ kept: 9, safe: false }], 10)).toBeNull();
  });
});
