import { describe, expect, it } from 'vitest';
import {
  equalKeptComparisons,
  equalKeptFindings,
  equalKeptPairs,
} from '../../../../main/evaluation/size-trend/equal-kept.ts';
import { drawsText, safeDraws, thresholdFindings } from '../../../../main/evaluation/size-trend/findings.ts';
import { measurePairs } from '../../../../main/evaluation/size-trend/pairs.ts';
import { sizedModels, sizeThresholds } from '../../../../main/evaluation/size-trend/thresholds.ts';
import { sizeThreshold } from '../sample-threshold.ts';
import { sampleSizeTrend } from './sample-size-trend.ts';

const sample = sampleSizeTrend({ sizes: [16, 32, 64], tasks: ['sums', 'french'], limit: () => 1, loss: 0.05 });
const models = sizedModels(sample.document.results);
const comparisons = equalKeptComparisons(sample.document.results, models);
const pairs = equalKeptPairs(measurePairs(comparisons, sample.outcomesOf).pairs, models);

describe('models pruned to as many experts', () => {
  it('are compared with the next smaller size, task by task', () => {
    const kept8 = pairs.filter(({ kept, task }) => kept === 8 && task === 'sums');
    expect(kept8.map(({ largeExperts, smallExperts }) => [largeExperts, smallExperts])).toEqual([
      [32, 16],
      [64, 32],
    ]);
    for (const { largeValue, smallValue, difference, low, high } of pairs) {
      expect(largeValue - smallValue).toBeCloseTo(difference, 12);
      expect(low <= difference && difference <= high).toBe(true);
    }
    expect(new Set(pairs.map(({ kept }) => kept))).toEqual(new Set([16, 8, 4, 2]));
    expect(comparisons.every(({ pruned, scratch }) => pruned.kept === scratch.kept && scratch.factor > 1)).toBe(true);
    expect(comparisons.every(({ pruned, scratch }) => pruned.task === scratch.task)).toBe(true);
  });

  it('are summarised in a sentence with means over tasks and the count of pairs', () => {
    const [finding, ...others] = equalKeptFindings(pairs);
    expect(others).toEqual([]);
    const valueAt = (experts: number): number =>
      Math.round(
        100 *
          (sample.document.results
            .filter(({ model, kept, factor }) => model === `e${experts}` && kept === 8 && factor > 1)
            .reduce((sum, { value }) => sum + value, 0) /
            2),
      );
    expect(finding?.sentence).toContain(
      `with 8 kept ${valueAt(16)}, ${valueAt(32)} and ${valueAt(64)} % at E = 16, 32 and 64 (mean over 2 tasks)`,
    );
    const worse = pairs.filter(({ reading }) => reading === 'worse').length;
    expect(worse).toBeGreaterThan(0);
    expect(finding?.sentence).toContain(`the larger E is worse in ${worse} of ${pairs.length} pairs`);
    expect(equalKeptFindings(pairs.filter(({ kept }) => kept === 8))[0]?.sentence).toContain(
      `accuracy is with 8 kept ${valueAt(16)}, ${valueAt(32)} and ${valueAt(64)} %`,
    );
    expect(equalKeptFindings([])).toEqual([]);
  });

  it('are paired by draw where the method draws, and count a pair only where every draw says the same', () => {
    const drawn = sample.document.results.flatMap((result) =>
      result.factor === 1 ? [result] : [0, 1].map((seed) => ({ ...result, seed })),
    );
    const both = equalKeptComparisons(drawn, models);
    expect(both).toHaveLength(2 * comparisons.length);
    expect(both.every(({ pruned, scratch }) => pruned.seed === scratch.seed)).toBe(true);
    const [first, ...others] = pairs.filter(({ reading }) => reading === 'worse');
    if (first === undefined) throw new Error('no pair is worse');
    const twice = (reading: typeof first.reading) => [
      { ...first, seed: 0 },
      { ...first, seed: 1, reading },
    ];
    expect(others.length).toBeGreaterThan(0);
    expect(equalKeptFindings(twice('worse'))[0]?.sentence).toContain('worse in 1 of 1 pair (in every one of 2 draws)');
    expect(equalKeptFindings(twice('undecided'))[0]?.sentence).toContain('worse in 0 of 1 pair');
    expect(equalKeptFindings(twice('undecided'))[0]?.sentence).toContain('draws differ in 1');
  });
});

describe('thresholds against kept experts', () => {
  it('are E / factor', () => {
    for (const { experts, lastSafe, firstUnsafe, keptSafe, keptUnsafe } of sizeThresholds(sample.document, models)) {
      expect(keptSafe).toBe(experts / (lastSafe ?? Number.NaN));
      expect(keptUnsafe).toBe(firstUnsafe === null ? null : experts / firstUnsafe);
    }
  });
});

describe('what a finding says of methods with several draws', () => {
  const draw = (seed: number | null, lastSafe: number) =>
    sizeThreshold({
      method: 'random',
      seed,
      lastSafe,
      factor: lastSafe,
      verdict: lastSafe > 1 ? 'found' : 'none-safe',
    });

  it('counts single draws beside the threshold that every draw must reach', () => {
    const draws = safeDraws([draw(0, 1), draw(1, 2), draw(2, 1), draw(null, 1)]);
    expect(draws.get('random')).toEqual({ draws: 3, safe: 1, of: 3 });
    const [finding] = thresholdFindings([draw(null, 1)], ['random'], draws);
    expect(finding?.sentence).toContain('by random in 0 (for every one of 3 draws; of single draws 1 of 3 are)');
    expect(drawsText(undefined)).toBe('');
    expect(safeDraws([draw(0, 1), draw(null, 1)]).size).toBe(0);
  });
});
