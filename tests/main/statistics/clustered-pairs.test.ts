import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { independentItems, isSafe, itemsNeeded, powerOf, verdictOf } from '../../../main/evaluation/verdicts.ts';
import {
  countAlike,
  groupInterval,
  groupLowerLimit,
  groupMoves,
  levelAbove,
  signChangeP,
} from '../../../main/statistics/clustered-pairs.ts';
import { chanceWithin } from '../../../main/statistics/exact-paired-test.ts';
import { mcnemarExact } from '../../../main/statistics/p-values.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { choiceOutcome, sweepResult } from '../evaluation/outcomes.ts';

const ALPHA = 0.05;

/** Groups of one size that move as a whole. */
const whole = (size: number, groups: number, lost: number, gained: number) =>
  countAlike([
    ...Array.from({ length: groups - lost - gained }, () => ({ items: size, net: 0 })),
    ...Array.from({ length: lost }, () => ({ items: size, net: -size })),
    ...Array.from({ length: gained }, () => ({ items: size, net: size })),
  ]);

describe('groupLowerLimit', () => {
  it('is that of Clopper and Pearson where groups are lost as a whole and none is gained', () => {
    // 1 - (1 - d)^groups = 95 % where none is lost.
    for (const groups of [20, 149, 300])
      expect(groupLowerLimit(whole(5, groups, 0, 0), ALPHA)).toBeCloseTo(ALPHA ** (1 / groups) - 1, 12);
    // scipy.stats.beta.ppf(0.95, lost + 1, groups - lost)
    expect(groupLowerLimit(whole(5, 200, 3, 0), ALPHA)).toBeCloseTo(-0.03830970849856934, 9);
    expect(groupLowerLimit(whole(40, 25, 2, 0), ALPHA)).toBeCloseTo(-0.2310399339581441, 9);
  });

  it('is where the level equals the requested one, for any moves', () => {
    const group = fc
      .integer({ min: 1, max: 9 })
      .chain((items) => fc.record({ items: fc.constant(items), net: fc.integer({ min: -items, max: items }) }));
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 1, maxLength: 80 }),
        fc.constantFrom(0.05, 0.025, 0.05 / 36),
        (groups, alpha) => {
          const moves = countAlike(groups);
          const { low, high } = groupInterval(moves, alpha);
          const n = groups.reduce((sum, { items }) => sum + items, 0);
          const difference = groups.reduce((sum, { net }) => sum + net, 0) / n;
          expect(low).toBeLessThanOrEqual(difference);
          expect(high).toBeGreaterThanOrEqual(difference);
          if (low > -1) expect(levelAbove(moves, low) / alpha).toBeCloseTo(1, 6);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is no larger than the true difference in 95 %: exactly, for groups that move as a whole', () => {
    for (const groups of [20, 60, 149, 200])
      for (const delta of [0.02, 0.05, 0.15, 0.3]) {
        let lost = -1;
        const limits = Int32Array.from({ length: groups + 1 }, (_, gained) => {
          while (gained + lost < groups && levelAbove(whole(1, groups, lost + 1, gained), -delta) <= ALPHA) lost += 1;
          lost = Math.min(lost, groups - gained);
          return lost;
        });
        for (let share = delta; share <= 1; share += (1 - delta) / 60) {
          const chance = chanceWithin(limits, groups, { gained: (share - delta) / 2, lost: (share + delta) / 2 });
          expect(chance, `${groups} groups, delta ${delta}, discordant ${share}`).toBeLessThanOrEqual(ALPHA);
        }
      }
  });

  // Half of the moving items move in whole groups. By a design effect 25 groups of 40 were called safe in a quarter.
  it.each([
    ['25 of 40', Array.from({ length: 25 }, () => 40), 0.02, 0.02],
    ['25 of 40', Array.from({ length: 25 }, () => 40), 0.15, 0.15],
    ['60 of 5', Array.from({ length: 60 }, () => 5), 0.05, 0.1],
    ['200 of 5', Array.from({ length: 200 }, () => 5), 0.02, 0.02],
    ['200 of 5', Array.from({ length: 200 }, () => 5), 0.02, 0.1],
    ['400 of 2 to 5', Array.from({ length: 400 }, (_, index) => 2 + (index % 4)), 0.02, 0.05],
  ])('does so where a part of the groups moves together: %s (simulation)', (_, sizes, delta, discordance) => {
    const random = seededRandom(17);
    const runs = 600;
    const move = (share: number): number => {
      const draw = random.float();
      const lost = (share * (discordance + delta)) / (2 * discordance);
      return draw < lost ? -1 : draw < share ? 1 : 0;
    };
    let safe = 0;
    for (let run = 0; run < runs; run += 1) {
      const groups = sizes.map((items) => {
        const together = move(discordance / 2);
        if (together !== 0) return { items, net: together * items };
        let net = 0;
        for (let item = 0; item < items; item += 1) net += move(discordance / 2 / (1 - discordance / 2));
        return { items, net };
      });
      if (levelAbove(countAlike(groups), -delta) <= ALPHA) safe += 1;
    }
    expect(safe / runs).toBeLessThanOrEqual(ALPHA);
  });
});

describe('groupMoves', () => {
  it('counts groups by size and net move', () => {
    const moves = [1, -1, -1, 0, 0, 0, 1, 0];
    expect(groupMoves(moves, ['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'])).toEqual([
      { items: 2, net: -1, groups: 1 },
      { items: 2, net: 0, groups: 2 },
      { items: 2, net: 1, groups: 1 },
    ]);
  });
});

describe('signChangeP', () => {
  it('is the share of all sign changes that are as far from 0', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 10 }), (nets) => {
        const observed = Math.abs(nets.reduce((sum, net) => sum + net, 0));
        let far = 0;
        for (let signs = 0; signs < 2 ** nets.length; signs += 1) {
          const sum = nets.reduce((total, net, index) => total + ((signs >> index) & 1 ? net : -net), 0);
          if (Math.abs(sum) >= observed) far += 1;
        }
        const groups = nets.map((net) => ({ items: 5, net }));
        expect(signChangeP(countAlike(groups))).toBeCloseTo(far / 2 ** nets.length, 12);
      }),
      { numRuns: 60 },
    );
  });

  it('is the exact test of McNemar where every group is one item, and near it beyond the summed range', () => {
    expect(signChangeP(whole(1, 300, 9, 2))).toBeCloseTo(mcnemarExact(9, 2), 12);
    expect(signChangeP(whole(1, 40_000, 10_200, 10_000))).toBeCloseTo(mcnemarExact(10_200, 10_000), 2);
    expect(signChangeP(whole(1, 40, 0, 0))).toBe(1);
  });
});

describe('summarise', () => {
  const outcomes = (right: (index: number) => boolean, group: ((index: number) => string) | null) =>
    Array.from({ length: 800 }, (_, index) => {
      const outcome = choiceOutcome(`i${index}`, right(index));
      return group === null ? outcome : { ...outcome, group: group(index) };
    });
  const all = (): boolean => true;
  const after = (index: number): boolean => index >= 4;
  const by = (size: number) => (index: number) => `p${Math.floor(index / size)}`;

  it('gives intervals, verdict and p of passages where items share them, else of items', () => {
    const alone = summarise('acc', outcomes(all, null), outcomes(after, null));
    const grouped = summarise('acc', outcomes(all, by(4)), outcomes(after, by(4)));
    expect(alone.groups).toBeUndefined();
    expect(grouped.groups).toEqual({
      count: 200,
      moves: [
        { items: 4, net: -4, groups: 1 },
        { items: 4, net: 0, groups: 199 },
      ],
    });
    expect(grouped.lowOneSided).toBeLessThan(alone.lowOneSided);
    // One passage fell: by chance it could as likely have risen.
    expect([alone.p, grouped.p]).toEqual([mcnemarExact(4, 0), 1]);
    expect([grouped.difference, grouped.lost]).toEqual([alone.difference, alone.lost]);
    expect(verdictOf(sweepResult(alone), 0.02)).toBe('safe');
    expect(verdictOf(sweepResult(grouped), 0.02)).toBe('undecided');
    expect(isSafe(sweepResult(grouped), 0.03)).toBe(true);
    expect(powerOf(sweepResult(grouped), 0.02)).toBeNull();
    expect(independentItems(sweepResult(grouped))).toBe(200);
    expect(
      verdictOf(
        sweepResult(
          summarise(
            'acc',
            outcomes(all, by(4)),
            outcomes((i) => i >= 90, by(4)),
          ),
        ),
        0.02,
      ),
    ).toBe('worse');
  });

  it('needs as many passages of the largest size as independent items', () => {
    const few = sweepResult(summarise('acc', outcomes(all, by(40)), outcomes(all, by(40))));
    expect(independentItems(few)).toBe(20);
    expect(independentItems(few)).toBeLessThan(itemsNeeded(0.02));
    expect(isSafe(few, 0.02)).toBe(false);
  });
});
