import { describe, expect, it } from 'vitest';
import { readingText, recoveryText, referenceText, sharedRankText } from '../../../main/words/comparisons.ts';
import { comparedSample, sampleMethods } from '../evaluation/comparison/compare-sample.ts';

describe('comparisons in words', () => {
  it('mark who shares the best, and give methods of one value a range of ranks', () => {
    const { tasks } = comparedSample(
      sampleMethods([{ method: 'reap', skill: 0.9 }], [{ task: 'sums', metric: 'acc' }]),
    );
    const [row] = tasks[0]?.rows ?? [];
    if (row === undefined) throw new Error('a row');
    const rows = [1.5, 1.5, 3].map((rank) => ({ ...row, rank }));
    expect(sharedRankText({ rank: 1.5, sharesBest: true }, { rows })).toBe('1\u20132 =');
    expect(sharedRankText({ rank: 3, sharesBest: false }, { rows })).toBe('3');
  });

  it('keep "nothing beyond the interval" for recovery', () => {
    expect(([null, 'better', 'worse', 'cannot-tell'] as const).map(readingText)).toEqual([
      'reference',
      'better',
      'worse',
      'cannot tell',
    ]);
    expect([recoveryText('cannot-tell'), recoveryText('worse')]).toEqual(['nothing beyond the interval', 'worse']);
    expect(['best', 'unpruned', 'reap'].map(referenceText)).toEqual([
      'the best method of each task',
      'the unpruned model',
      'REAP',
    ]);
  });
});
