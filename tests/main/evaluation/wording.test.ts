import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verdict } from '../../../main/contract/sweep.ts';
import {
  bracketText,
  bracketWords,
  findingVerdictText,
  listed,
  readingText,
  recoveryText,
  referenceText,
  sharedRankText,
  sizesText,
  standingOf,
  standingText,
  thresholdValue,
  verdictText,
} from '../../../main/evaluation/wording.ts';
import { comparedSample, sampleMethods } from './comparison/compare-sample.ts';

describe('a threshold in words', () => {
  const found = { verdict: 'found', factor: 16 / 13, lastSafe: 16 / 13, firstUnsafe: 2, firstWorse: 4 } as const;
  const unsafe = { verdict: 'none-safe', factor: 1, lastSafe: 1, firstUnsafe: 2, firstWorse: null } as const;
  const unknown = {
    verdict: 'cannot-tell',
    factor: null,
    lastSafe: null,
    firstUnsafe: null,
    firstWorse: null,
  } as const;
  const open = { verdict: 'all-safe', factor: 8, lastSafe: 8, firstUnsafe: null, firstWorse: null } as const;

  it('is short in a cell, and never a bare number where it is undetermined', () => {
    expect([found, unsafe, unknown, open].map(thresholdValue)).toEqual([
      '\u00d71.23',
      '< \u00d72',
      '?',
      '\u2265 \u00d78',
    ]);
    expect([found, unsafe, unknown, open].map(bracketText)).toEqual(['[1.23, 2) worse 4', '[1, 2)', '', '[8, \u2026)']);
  });

  it('says the bracket where there is one, else the verdict', () => {
    expect([found, unsafe, unknown, { ...unknown, firstWorse: 8 }, open].map(bracketWords)).toEqual([
      'safe at \u00d71.23, not safe at \u00d72, worse from \u00d74',
      'no tested factor is safe, none known to be worse',
      'cannot tell: too few items',
      'cannot tell: too few items, worse from \u00d78',
      'every tested factor is safe',
    ]);
    expect(new Set(verdict.options.map(verdictText)).size).toBe(verdict.options.length);
  });
});

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

  it('say where a pruned model stands, and no verdict where a finding only counts', () => {
    expect([true, false, null].map((pastThreshold) => standingText(standingOf({ pastThreshold })))).toEqual([
      'past the threshold',
      'within the threshold',
      'threshold undetermined',
    ]);
    expect([findingVerdictText('counted'), findingVerdictText('unchanged')]).toEqual([null, 'no change seen']);
  });
});

describe('lists', () => {
  it('join every part, with one "and"', () => {
    const word = fc.stringMatching(/^[a-z]{1,6}$/).filter((text) => text !== 'and');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (parts) => {
        expect(listed(parts).split(/, | and /)).toEqual(parts);
        expect(listed(parts).split(' and ')).toHaveLength(Math.min(2, parts.length));
      }),
    );
    expect([sizesText([8]), sizesText([64, 8, 16])]).toEqual(['E = 8', 'E = 8 to 64']);
  });
});
