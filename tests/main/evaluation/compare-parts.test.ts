import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePoints, middleFactor } from '../../../main/evaluation/comparison/points.ts';
import { meanRanks, ranksOf } from '../../../main/evaluation/comparison/ranks.ts';
import { holmAdjusted } from '../../../main/statistics/p-values.ts';
import { choiceOutcome, sweepResult, textOutcome } from './outcomes.ts';

describe('Holm\u2019s correction', () => {
  it('agrees with the published example (0.01, 0.04, 0.03, 0.005) and skips missing p-values', () => {
    const adjusted = holmAdjusted([0.01, null, 0.04, 0.03, 0.005]);
    expect(adjusted[1]).toBeNull();
    expect(adjusted.map((p) => (p === null ? null : Number(p.toFixed(12))))).toEqual([0.03, null, 0.06, 0.06, 0.02]);
  });

  it('is at least p, at most m p, at most 1, and keeps the order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }), (ps) => {
        const adjusted = holmAdjusted(ps).map((p) => p ?? Number.NaN);
        for (const [index, p] of ps.entries()) {
          expect(adjusted[index]).toBeGreaterThanOrEqual(p);
          expect(adjusted[index]).toBeLessThanOrEqual(1);
          for (const [other, q] of ps.entries())
            if (p < q) expect(adjusted[index]).toBeLessThanOrEqual(adjusted[other] ?? Number.NaN);
        }
      }),
    );
  });
});

describe('ranks', () => {
  it('begin with the best, and are shared by equal values', () => {
    expect(ranksOf([0.5, 0.9, 0.5, 0.1], false)).toEqual([2.5, 1, 2.5, 4]);
    expect(ranksOf([12, 8, 12], true)).toEqual([2.5, 1, 2.5]);
  });

  it('have a mean over tasks whose interval is empty where items leave no doubt, and wide where two are alike', () => {
    const answers = (right: (item: number) => boolean) => [
      Array.from({ length: 100 }, (_, item) => choiceOutcome(`i${item}`, right(item))),
    ];
    const clear = { metric: 'acc', methods: [answers(() => true), answers(() => false)] } as const;
    expect(meanRanks([clear, clear])).toEqual([
      { value: 1, low: 1, high: 1 },
      { value: 2, low: 2, high: 2 },
    ]);
    const close = { metric: 'acc', methods: [answers((item) => item < 51), answers((item) => item >= 50)] } as const;
    expect(meanRanks([close])).toEqual([
      { value: 1, low: 1, high: 2 },
      { value: 2, low: 1, high: 2 },
    ]);
    expect(meanRanks([close])).toEqual(meanRanks([close]));
    expect(meanRanks([])).toEqual([]);
  });

  it('are those of the mean perplexity where a method has draws', () => {
    const draws = (...losses: readonly number[]) => losses.map((loss) => [textOutcome('t', -loss, 1)]);
    // (e + e^3) / 2 = 11.4 is above e^2.42 = 11.2, though the mean loss of 2 is lower.
    const task = { metric: 'perplexity', methods: [draws(1, 3), draws(2.42, 2.42)] } as const;
    expect(meanRanks([task]).map(({ value }) => value)).toEqual([2, 1]);
  });
});

describe('points to compare', () => {
  const results = [2, 4, 8].flatMap((factor) =>
    ['reap', 'uncurl'].map((method) => sweepResult({ method, factor, kept: 16 / factor })),
  );
  it('are at the middle factor unless one is asked for, the lower of two', () => {
    expect(middleFactor(results)).toBe(4);
    expect(middleFactor(results.filter(({ factor }) => factor < 8))).toBe(2);
    // A factor reached by a single curve is not a common one.
    expect(middleFactor([...results, sweepResult({ factor: 16 / 7 }), sweepResult({ factor: 16 / 5 })])).toBe(4);
    expect(middleFactor([])).toBeNull();
    expect(comparePoints({ run: 'r', results }, {})).toMatchObject({
      model: 'model',
      factors: [2, 4, 8],
      factor: 4,
      methods: ['reap', 'uncurl'],
    });
  });
  it('refuse a model that the sweep does not have', () => {
    expect(() => comparePoints({ run: 'r', results }, { model: 'other' })).toThrow(/no pruned model other/);
  });
});
