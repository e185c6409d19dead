import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { recordedSweepDocument, WANTED_CHANCE } from '../../../main/contract/sweep.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { sweepThresholds, thresholdOf } from '../../../main/evaluation/threshold.ts';
import { levelOf, withThresholds } from '../../../main/evaluation/threshold-family.ts';
import {
  areSafeCounts,
  isSafe,
  itemsForVerdict,
  itemsForVerdictText,
  itemsNeeded,
  oneSidedEnds,
  powerOf,
  TEXTS_NEEDED,
  verdictOf,
  wideningBySplit,
} from '../../../main/evaluation/verdicts.ts';
import { criticalScore } from '../../../main/statistics/exact-paired-test.ts';
import { chanceForUnharmed, chanceOfSafe } from '../../../main/statistics/paired-power.ts';
import { tangoLowerLimit } from '../../../main/statistics/tango-interval.ts';
import { Z_ONE_SIDED_95 } from '../statistics/one-sided.ts';
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

  it('reads accuracies from the counts, whatever ends are stored', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (lost, gained) => {
        const result = counted(lost, gained, 200);
        expect(verdictOf({ ...result, lowOneSided: 0.5, highOneSided: 0.6 }, 0.02)).toBe(verdictOf(result, 0.02));
      }),
      { numRuns: 50 },
    );
  });

  it('never contradicts the one-sided ends at the same margin and level', () => {
    for (const n of [60, 149, 300])
      for (const delta of [0.005, 0.02, 0.05, 0.15])
        for (let lost = 0; lost < 40; lost += 1)
          for (let gained = 0; gained < 20; gained += 1) {
            const { low, high } = oneSidedEnds({ gained, lost, n }, delta);
            const verdict = verdictOf({ ...counted(0, 0, n), gained, lost }, delta);
            expect(verdict).toBe(low >= -delta ? 'safe' : high < -delta ? 'worse' : 'undecided');
          }
  });

  // "Worse" is not quite so: with few items its critical score goes up and down with the margin by more than the score.
  it('calls safe at a larger margin of the slider what is safe at a smaller one', () => {
    for (const n of [60, 149, 150, 222, 300, 1000]) {
      const steps = Array.from({ length: 30 }, (_, index) => (index + 1) * 0.005);
      for (let gained = 0; gained < 12; gained += 1)
        for (let lost = 0; lost < 24; lost += 1) {
          const safe = steps.map((delta) => areSafeCounts({ gained, lost, n }, delta, 0.05));
          expect(safe.lastIndexOf(false)).toBe((safe.includes(true) ? safe.indexOf(true) : safe.length) - 1);
        }
    }
  });

  it('does not call a perplexity of an old document worse, which has no upper end', () => {
    const rise = { metric: 'perplexity', lowOneSided: -0.4 } as const;
    expect(verdictOf(sweepResult(rise), 0.02)).toBe('undecided');
    expect(verdictOf(sweepResult({ ...rise, highOneSided: -0.1 }), 0.02)).toBe('worse');
  });
});

describe('itemsNeeded', () => {
  it('is the smallest number at which an unchanged candidate is safe; then harm is seen in 95 %', () => {
    for (const delta of [0.005, 0.01, 0.02, 0.05, 0.1, 0.5]) {
      const n = itemsNeeded(delta);
      const unchanged = (items: number) => ({ gained: 0, lost: 0, n: items });
      for (let items = n; items < n + 12; items += 1) expect(areSafeCounts(unchanged(items), delta, 0.05)).toBe(true);
      expect(areSafeCounts(unchanged(n - 1), delta, 0.05)).toBe(false);
      expect((1 - delta) ** n).toBeLessThanOrEqual(0.05);
      expect((1 - delta) ** (n - 1)).toBeGreaterThan(0.05);
    }
    expect(itemsNeeded(0.02)).toBe(149);
  });

  it('is where the limit alone would let a candidate worse by delta pass in more than 5 %', () => {
    const chance = (n: number) => chanceOfSafe({ n, delta: 0.02, z: Z_ONE_SIDED_95 }, { gained: 0, lost: 0.02 });
    expect(chance(133)).toBeCloseTo(0.068, 3);
    expect(chance(148)).toBeGreaterThan(0.05);
    expect(chance(149)).toBeLessThan(0.05);
  });

  it('takes more than that at stricter levels', () => {
    expect(itemsNeeded(0.02, 'acc', 0.05 / 36)).toBeGreaterThan(Math.log(0.05 / 36) / Math.log(0.98));
    expect(areSafeCounts({ gained: 0, lost: 0, n: itemsNeeded(0.02, 'acc', 0.05 / 36) }, 0.02, 0.05 / 36)).toBe(true);
  });
});

describe('thresholdOf', () => {
  it('names the first worse factor and the power of an undecided test', () => {
    const curve = [
      counted(1, 1, 300, { factor: 2 }),
      counted(6, 3, 300, { factor: 4 }),
      counted(60, 3, 300, { factor: 8 }),
    ];
    const found = thresholdOf(curve, 0.02);
    expect(found).toMatchObject({ lastSafe: 2, firstUnsafe: 4, firstWorse: 8, verdict: 'found' });
    expect(found?.power?.discordance).toBeCloseTo(0.03, 12);
    expect(found?.power?.chance).toBeCloseTo(0.565, 3);
    expect(found?.power?.itemsForWanted).toBe(546);
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

  it('calls several draws worse only where every draw is', () => {
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
    facts: [],
  };

  it('gives verdicts, the number of determined thresholds and their level', () => {
    const { results, multiplicity, rule } = withThresholds(stored, { delta: 0.02 });
    expect(results.map(({ verdict }) => verdict)).toEqual([
      null,
      ...Array(4).fill(['safe', 'worse']).flat(),
      'undecided',
    ]);
    expect(multiplicity).toMatchObject({ familywise: false, curves: 4, decided: 4, alpha: 0.05 });
    expect(multiplicity?.sentence).toContain('4 of 5 thresholds found, each at the 5 % level');
    expect(rule).toContain('fewer than 149 items');
  });

  it('calls safe from the first number of items on that suffices', () => {
    // (1 - 0.02)^149 is below 5 %, and (1 - 0.02)^148 is not.
    const verdicts = [148, 149].map((n) => {
      const results = [sweepResult({ factor: 1, n }), counted(0, 0, n, { factor: 2 })];
      return withThresholds({ run: 'r', results, thresholds: [], rule: '' }, { delta: 0.02 }).results[1]?.verdict;
    });
    expect(verdicts).toEqual(['undecided', 'safe']);
  });

  it('calls safe no text of perplexity below their own number, from which on it does', () => {
    const verdicts = [TEXTS_NEEDED - 1, TEXTS_NEEDED].map((n) => {
      const text = { metric: 'perplexity', n, lowOneSided: -0.01 } as const;
      const results = [sweepResult({ ...text, factor: 1 }), sweepResult({ ...text, factor: 2 })];
      return withThresholds({ run: 'r', results, thresholds: [], rule: '' }, { delta: 0.02 }).results[1]?.verdict;
    });
    expect(verdicts).toEqual(['undecided', 'safe']);
  });

  it('familywise: divides the level by the curves that have enough items', () => {
    const { multiplicity, rule, results } = withThresholds(stored, { delta: 0.02, familywise: true });
    expect(multiplicity).toMatchObject({ familywise: true, curves: 4, alpha: 0.0125 });
    expect(levelOf(results, { delta: 0.02, familywise: true })).toBe(0.0125);
    expect(rule).toContain('one-sided 98.75 %');
    const strict = tangoLowerLimit({ gained: 1, lost: 1, n: 400 }, criticalScore(400, -0.02, 0.0125));
    expect(isSafe(counted(1, 1, 400), 0.02, 0.0125)).toBe(strict >= -0.02);
  });

  it('reads a perplexity at half the level, the next stricter stored one, and gives no verdict without it', () => {
    const text = { metric: 'perplexity', lowOneSided: -0.01 } as const;
    const lowTail = [
      { alpha: 0.025, low: -0.012 },
      { alpha: 0.01, low: -0.018 },
    ];
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.012)).toBe(true);
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.011)).toBe(false);
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.018, 0.02)).toBe(true);
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.017, 0.02)).toBe(false);
    expect(isSafe(sweepResult({ ...text, lowTail }), 0.5, 0.001)).toBe(false);
    expect(isSafe(sweepResult(text), 0.5, 0.02)).toBe(false);
  });

  it('reads an old document, whose thresholds name no first worse factor', () => {
    const [first] = withThresholds(stored, { delta: 0.02 }).thresholds;
    const { firstWorse: _worse, power: _power, ...old } = first ?? {};
    const parsed = recordedSweepDocument.parse({ ...stored, thresholds: [old] });
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

/** Beyond these the number is that of the normal approximation. */
const EXACT_UP_TO = 2_000;

test('the items that it names do give an unharmed plan the wanted chance, and a tenth fewer do not', () => {
  for (const delta of [0.01, 0.02, 0.05]) {
    const { fewest, byDiscordance } = itemsForVerdict(delta);
    expect(fewest).toBe(itemsNeeded(delta));
    for (const { discordance, items } of byDiscordance) {
      const chance = (n: number): number =>
        chanceForUnharmed({ n, delta, z: criticalScore(n, -delta, 0.05) }, discordance);
      if (items > EXACT_UP_TO) {
        expect(Math.abs(chance(items) - WANTED_CHANCE)).toBeLessThan(0.01);
        continue;
      }
      expect(chance(items)).toBeGreaterThanOrEqual(WANTED_CHANCE);
      if (items > fewest) expect(chance(Math.max(fewest - 1, Math.floor(0.9 * items)))).toBeLessThan(WANTED_CHANCE);
    }
  }
});

test('says in words whether the items suffice', () => {
  expect(itemsForVerdictText(1, 0.02)).toMatch(/^1 test item is too few/);
  expect(itemsForVerdictText(148, 0.02)).toBe(
    '148 test items are too few: at a margin of 2 points nothing can be called safe with fewer than 149.',
  );
  expect(itemsForVerdictText(149, 0.02)).toMatch(
    /^149 test items; at a margin of 2 points 149 are the fewest\. For an unharmed plan .* about 257 if 1\s% of the/u,
  );
});

test('of texts, a fixed number is the fewest', () => {
  expect(itemsForVerdictText(19, 0.02, 'perplexity')).toContain('19 test texts are too few');
  expect(itemsForVerdictText(20, 0.02, 'perplexity')).toBe('20 test texts; 20 are the fewest for a threshold.');
});

test('a fifth less widens an interval by an eighth', () => {
  expect(wideningBySplit(0.2)).toBeCloseTo(1.118, 3);
});
