import { describe, expect, it } from 'vitest';
import { measurePairs, sizeComparisons } from '../../../../main/evaluation/size-trend/pairs.ts';
import { sizedModels } from '../../../../main/evaluation/size-trend/thresholds.ts';
import { mcnemarExact } from '../../../../main/statistics/p-values.ts';
import { pairedInterval } from '../../../../main/statistics/exact-paired-test.ts';
import { choiceOutcome, sweepResult, textOutcome } from '../outcomes.ts';
import { sampleSizeTrend } from './sample-size-trend.ts';

describe('pruned-large against scratch-small', () => {
  it('compares every size pruned to a smaller size with that size, on every task', () => {
    const { sizeTrend } = sampleSizeTrend({
      sizes: [8, 16, 32],
      tasks: ['a', 'b'],
      methods: ['reap', 'random'],
      limit: () => 2,
    });
    expect(sizeTrend.pairs).toHaveLength(3 * 2 * 2);
    expect([
      ...new Set(sizeTrend.pairs.map(({ largeExperts, experts, factor }) => `${largeExperts} ${experts} ${factor}`)),
    ]).toEqual(['16 8 2', '32 16 2', '32 8 4']);
  });

  it('pairs the two models item by item', () => {
    // Ten items; both right on 0-4, only the scratch model on 5-7, only the pruned one on 8, neither on 9.
    const scratch = Array.from({ length: 10 }, (_, item) => choiceOutcome(`i${item}`, item < 8));
    const pruned = Array.from({ length: 10 }, (_, item) => choiceOutcome(`i${item}`, item < 5 || item === 8));
    const results = [
      sweepResult({ model: 'large', method: 'unpruned', factor: 1, kept: 16 }),
      sweepResult({ model: 'small', method: 'unpruned', factor: 1, kept: 8 }),
      sweepResult({ model: 'large', method: 'reap', factor: 2, kept: 8 }),
    ];
    const comparisons = sizeComparisons(results, sizedModels(results));
    const { pairs } = measurePairs(comparisons, ({ model }) => (model === 'small' ? scratch : pruned));
    expect(pairs).toEqual([
      {
        task: 'task',
        method: 'reap',
        seed: null,
        large: 'large',
        small: 'small',
        largeExperts: 16,
        experts: 8,
        factor: 2,
        metric: 'acc',
        n: 10,
        pruned: 0.6,
        scratch: 0.8,
        difference: -0.2,
        lost: 3,
        gained: 1,
        ...pairedInterval({ lost: 3, gained: 1, n: 10 }),
        p: mcnemarExact(3, 1),
        reading: 'undecided',
      },
    ]);
  });

  it('reads worse and better from the interval, reversed for perplexity', () => {
    const subject = (metric: 'acc' | 'perplexity') => [
      sweepResult({ model: 'large', method: 'unpruned', factor: 1, kept: 16, metric }),
      sweepResult({ model: 'small', method: 'unpruned', factor: 1, kept: 8, metric }),
      sweepResult({ model: 'large', method: 'reap', factor: 2, kept: 8, metric }),
    ];
    const reading = (metric: 'acc' | 'perplexity', good: 'large' | 'small') => {
      const results = subject(metric);
      const outcomes = ({ model }: { readonly model: string }) =>
        Array.from({ length: 40 }, (_, item) =>
          metric === 'acc'
            ? choiceOutcome(`i${item}`, model === good)
            : textOutcome(`i${item}`, model === good ? -10 : -20, 10),
        );
      return measurePairs(sizeComparisons(results, sizedModels(results)), outcomes).pairs[0]?.reading;
    };
    expect(reading('acc', 'small')).toBe('worse');
    expect(reading('acc', 'large')).toBe('better');
    expect(reading('perplexity', 'small')).toBe('worse');
    expect(reading('perplexity', 'large')).toBe('better');
  });

  it('counts the pairs that it leaves out: outcomes that are gone, texts in other tokens', () => {
    const { document, outcomesOf } = sampleSizeTrend({ sizes: [8, 16], tasks: ['a'], limit: () => 2 });
    const comparisons = sizeComparisons(document.results, sizedModels(document.results));
    const gone = measurePairs(comparisons, (point) => (point.model === 'e8' ? null : outcomesOf(point)));
    expect(gone).toEqual({ pairs: [], missing: 1, incomparable: 0 });
    const otherTokens = measurePairs(comparisons, ({ model }) => [textOutcome('i', -3, model === 'e8' ? 4 : 5)]);
    expect(otherTokens).toEqual({ pairs: [], missing: 0, incomparable: 1 });
  });

  it('separates pairs past the threshold from those within it', () => {
    const { sizeTrend } = sampleSizeTrend({ sizes: [8, 16, 32], tasks: ['a'], limit: () => 2 });
    expect(sizeTrend.pairs.map(({ factor, pastThreshold }) => [factor, pastThreshold])).toEqual([
      [2, false],
      [2, false],
      [4, true],
    ]);
    const few = sampleSizeTrend({ sizes: [8, 16], tasks: ['a'], limit: () => 2, items: 60 });
    expect(few.sizeTrend.pairs.map(({ pastThreshold }) => pastThreshold)).toEqual([null]);
  });
});
