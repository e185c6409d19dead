import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sweepDocument } from '../../../main/contract/sweep.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { sweepThresholds, thresholdOf } from '../../../main/evaluation/threshold.ts';
import { levelOf, withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { isSafe, itemsNeeded, powerOf, verdictOf } from '../../../main/evaluation/verdicts.ts';
import { chanceOfSafe } from '../../../main/statistics/paired-power.ts';
import { tangoInterval, tangoLowerLimit, Z_ONE_SIDED_95 } from '../../../main/statistics/tango-interval.ts';
import { choiceOutcome, sweepResult } from './outcomes.ts';

/** A result with these counts, as `summarise` makes it. */
const counted = (lost: number, gained: number, n: number, fields: Parameters<typeof sweepResult>[0] = {}) => {
  const outcomes = (right: (index: number) => boolean) =>
    Array.from({ length: n }, (_, index) => choiceOutcome(String(index), right(index)));
  const before = outcomes((index) => index >= gained);
  const after = outcomes((index) => index < gained || index >= gained + lost);
  return sweepResult({ ...summarise('acc', before, after), ...fields });
};

describe('verdictOf', () => {
  it('is safe, undecided or worse by the one-sided ends', () => {
    expect(verdictOf(counted(2, 2, 300), 0.02)).toBe('safe');
    expect(verdictOf(counted(8, 4, 300), 0.02)).toBe('undecided');
    expect(verdictOf(counted(40, 4, 300), 0.02)).toBe('worse');
  });

  it('reads the upper end that is stored, and the same from the counts where none is', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (lost, gained) => {
        const result = counted(lost, gained, 200);
        expect(result.highOneSided).toBe(tangoInterval({ gained, lost, n: 200 }, Z_ONE_SIDED_95).high);
        const { highOneSided: _, ...old } = result;
        expect(verdictOf(old, 0.02)).toBe(verdictOf(result, 0.02));
      }),
      { numRuns: 50 },
    );
  });

  it('does not call a perplexity of old worse, which holds no upper end', () => {
    const rise = { metric: 'perplexity', lowOneSided: -0.4 } as const;
    expect(verdictOf(sweepResult(rise), 0.02)).toBe('undecided');
    expect(verdictOf(sweepResult({ ...rise, highOneSided: -0.1 }), 0.02)).toBe('worse');
  });
});

describe('itemsNeeded', () => {
  it('is the smallest number at which the limit passes and chance alone passes in at most 5 %', () => {
    for (const delta of [0.005, 0.01, 0.02, 0.05, 0.1, 0.5]) {
      let n = 1;
      // Truly worse by delta: over every gained share, the chance that no item is discordant.
      const byChance = (items: number): number =>
        Math.max(...[0, 0.01, 0.1].map((gained) => Math.max(0, 1 - 2 * gained - delta) ** items));
      const passes = (items: number): boolean =>
        tangoLowerLimit({ gained: 0, lost: 0, n: items }, Z_ONE_SIDED_95) >= -delta && byChance(items) <= 0.05;
      while (!passes(n)) n += 1;
      expect(itemsNeeded(delta)).toBe(n);
    }
    expect(itemsNeeded(0.02)).toBe(149);
  });

  it('is where the limit alone would let a candidate worse by delta pass in more than 5 %', () => {
    const chance = (n: number) => chanceOfSafe({ n, delta: 0.02, z: Z_ONE_SIDED_95 }, { gained: 0, lost: 0.02 });
    expect(chance(133)).toBeCloseTo(0.068, 3);
    expect(chance(148)).toBeGreaterThan(0.05);
    expect(chance(149)).toBeLessThan(0.05);
  });
});

describe('thresholdOf', () => {
  it('names the first worse factor and what the test of an undecided one could have told', () => {
    const curve = [
      counted(1, 1, 300, { factor: 2 }),
      counted(6, 3, 300, { factor: 4 }),
      counted(60, 3, 300, { factor: 8 }),
    ];
    const found = thresholdOf(curve, 0.02);
    expect(found).toMatchObject({ lastSafe: 2, firstUnsafe: 4, firstWorse: 8, verdict: 'found' });
    expect(found?.power?.discordance).toBeCloseTo(0.03, 12);
    expect(found?.power?.chance).toBeCloseTo(0.566, 3);
    expect(found?.power?.itemsForWanted).toBe(530);
    const fallen = thresholdOf([...curve.slice(0, 1), ...curve.slice(2)], 0.02);
    expect(fallen).toMatchObject({ firstUnsafe: 8, firstWorse: 8, power: null });
  });

  it('reads worse from the largest factor down', () => {
    const curve = [
      counted(60, 0, 300, { factor: 2 }),
      counted(6, 3, 300, { factor: 4 }),
      counted(60, 0, 300, { factor: 8 }),
    ];
    expect(thresholdOf(curve, 0.02)).toMatchObject({ firstUnsafe: 2, firstWorse: 8 });
    expect(thresholdOf(curve.slice(0, 2), 0.02)).toMatchObject({ firstUnsafe: 2, firstWorse: null });
  });

  it('says of several draws worse only where every draw is', () => {
    const draw = (seed: number, lost: number) => counted(lost, 0, 300, { factor: 2, method: 'random', seed });
    const joint = (lost: readonly number[]) =>
      sweepThresholds(
        lost.map((count, seed) => draw(seed, count)),
        0.02,
      ).find(({ seed }) => seed === null);
    expect(joint([60, 8, 60])).toMatchObject({ firstUnsafe: 2, firstWorse: null, power: null });
    expect(joint([8, 0, 7])?.power?.discordance).toBeCloseTo(8 / 300, 12);
    expect(joint([60, 50, 60])).toMatchObject({ firstUnsafe: 2, firstWorse: 2 });
  });
});

describe('withThresholds', () => {
  const curves = ['a', 'b', 'c', 'd'].flatMap((task) => [
    counted(1, 1, 400, { task, factor: 2 }),
    counted(60, 0, 400, { task, factor: 4 }),
  ]);
  const few = counted(0, 0, 60, { task: 'few', factor: 2 });
  const stored = {
    run: 'r',
    results: [sweepResult({ factor: 1, lowOneSided: 0 }), ...curves, few],
    thresholds: [],
    rule: '',
  };

  it('tells verdicts and how many thresholds were told at which level', () => {
    const { results, multiplicity, rule } = withThresholds(stored, { delta: 0.02 });
    expect(results.map(({ verdict }) => verdict)).toEqual([
      null,
      ...Array(4).fill(['safe', 'worse']).flat(),
      'undecided',
    ]);
    expect(multiplicity).toMatchObject({ familywise: false, curves: 4, told: 4, alpha: 0.05 });
    expect(multiplicity?.sentence).toContain('4 of 5 thresholds told, each at 5 %');
    expect(rule).toContain('fewer than 149 items');
  });

  it('familywise: divides the level by the curves that have items enough', () => {
    const { multiplicity, rule, results } = withThresholds(stored, { delta: 0.02, familywise: true });
    expect(multiplicity).toMatchObject({ familywise: true, curves: 4, alpha: 0.0125 });
    expect(levelOf(results, { delta: 0.02, familywise: true })).toBe(0.0125);
    expect(rule).toContain('one-sided 98.75 %');
    const strict = tangoLowerLimit({ gained: 1, lost: 1, n: 400 }, 2.241402727604947);
    expect(isSafe(counted(1, 1, 400), 0.02, 0.0125)).toBe(strict >= -0.02);
  });

  it('familywise: reads a perplexity at the next stricter level that is stored, and tells nothing without', () => {
    const text = { metric: 'perplexity', lowOneSided: -0.01 } as const;
    const lowTail = [
      { alpha: 0.025, low: -0.012 },
      { alpha: 0.01, low: -0.018 },
    ];
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.015, 0.025)).toBe(true);
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.015, 0.02)).toBe(false);
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.5, 0.001)).toBe(false);
    expect(isSafe(sweepResult(text), 0.5, 0.02)).toBe(false);
  });

  it('reads a document of old, whose thresholds name no first worse factor', () => {
    const [first] = withThresholds(stored, { delta: 0.02 }).thresholds;
    const { firstWorse: _worse, power: _power, ...old } = first ?? {};
    const parsed = sweepDocument.parse({ ...stored, thresholds: [old] });
    expect(parsed.thresholds[0]).toMatchObject({ firstWorse: null, power: null });
    expect(withThresholds(parsed, { delta: 0.02 }).thresholds[0]).toEqual(first);
  });
});

describe('powerOf', () => {
  it('is nothing for perplexity, and no chance below the items that are needed', () => {
    expect(powerOf(sweepResult({ metric: 'perplexity' }), 0.02)).toBeNull();
    expect(powerOf(counted(0, 0, 100), 0.02)).toMatchObject({ chance: 0, itemsForWanted: 149 });
  });
});
