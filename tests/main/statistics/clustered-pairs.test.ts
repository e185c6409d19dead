import { describe, expect, it } from 'vitest';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { independentItems, verdictOf } from '../../../main/evaluation/verdicts.ts';
import { clusteredInterval, clusteredPairs } from '../../../main/statistics/clustered-pairs.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { tangoInterval, tangoLowerLimit, Z_ONE_SIDED_95 } from '../../../main/statistics/tango-interval.ts';
import { choiceOutcome, sweepResult } from '../evaluation/outcomes.ts';

describe('clusteredPairs', () => {
  it('is as of independent items where every group is one item', () => {
    const moves = [1, -1, -1, 0, 0, 0, 0, 0];
    const { count, designEffect } = clusteredPairs(
      moves,
      moves.map((_, index) => String(index)),
    );
    expect(count).toBe(8);
    expect(designEffect).toBeCloseTo(8 / 7, 12);
    expect(clusteredInterval({ gained: 1, lost: 2, n: 8 }, 1)).toEqual(tangoInterval({ gained: 1, lost: 2, n: 8 }));
  });

  it('counts groups whose items go the same way as one item each', () => {
    const groups = Array.from({ length: 200 }, (_, index) => `g${Math.floor(index / 5)}`);
    const moves = groups.map((_, index) => (index < 15 ? -1 : 0));
    // Three of forty groups lost: the variance of three lost items among forty, but for 40 / 39.
    expect(clusteredPairs(moves, groups).designEffect).toBeCloseTo(5 * (40 / 39), 10);
    expect(
      clusteredPairs(
        groups.map(() => 0),
        groups,
      ),
    ).toEqual({ count: 40, designEffect: 5, p: 1 });
    expect(clusteredPairs([-1, -1, 1, 1], ['a', 'a', 'b', 'b']).p).toBe(1);
  });

  it('holds the error of the threshold rule where Tango alone does not (simulation, 60 passages of 8 items)', () => {
    const random = seededRandom(17);
    const [runs, passages, size, delta] = [1500, 60, 8, 0.05];
    const groups = Array.from({ length: passages * size }, (_, index) => String(Math.floor(index / size)));
    let [clusteredSafe, plainSafe] = [0, 0];
    for (let run = 0; run < runs; run += 1) {
      // Truly worse by delta: most of a passage is lost, or gained, together.
      const moves = Array.from({ length: passages }, () => {
        const draw = random.float();
        const direction = draw < 0.125 ? -1 : draw < 0.1875 ? 1 : 0;
        return Array.from({ length: size }, () => (random.float() < 0.8 ? direction : 0));
      }).flat();
      const counts = {
        gained: moves.filter((move) => move > 0).length,
        lost: moves.filter((move) => move < 0).length,
        n: moves.length,
      };
      const { designEffect } = clusteredPairs(moves, groups);
      if (clusteredInterval(counts, designEffect, Z_ONE_SIDED_95).low >= -delta) clusteredSafe += 1;
      if (tangoLowerLimit(counts, Z_ONE_SIDED_95) >= -delta) plainSafe += 1;
    }
    // 1500 runs: a standard error of 0.006 at 5 %.
    expect(plainSafe / runs).toBeGreaterThan(0.15);
    expect(clusteredSafe / runs).toBeLessThan(0.05 + 0.018);
  });
});

describe('summarise', () => {
  const outcomes = (right: (index: number) => boolean, isGrouped: boolean) =>
    Array.from({ length: 400 }, (_, index) => {
      const outcome = choiceOutcome(`i${index}`, right(index));
      return isGrouped ? { ...outcome, group: `p${Math.floor(index / 4)}` } : outcome;
    });
  const after = (index: number): boolean => index >= 8;

  it('widens intervals by the design effect of shared passages, and leaves items without them alone', () => {
    const alone = summarise(
      'acc',
      outcomes(() => true, false),
      outcomes(after, false),
    );
    const grouped = summarise(
      'acc',
      outcomes(() => true, true),
      outcomes(after, true),
    );
    expect(alone.groups).toBeUndefined();
    expect(grouped.groups?.count).toBe(100);
    expect(grouped.groups?.designEffect).toBeGreaterThan(3.5);
    expect(grouped.lowOneSided).toBeLessThan(alone.lowOneSided);
    expect(grouped.p ?? 0).toBeGreaterThan(alone.p ?? 1);
    expect([grouped.difference, grouped.lost]).toEqual([alone.difference, alone.lost]);
    expect(verdictOf(sweepResult(alone), 0.05)).toBe('safe');
    expect(verdictOf(sweepResult(grouped), 0.05)).toBe('undecided');
    expect(independentItems(sweepResult(grouped))).toBeLessThan(115);
  });
});
