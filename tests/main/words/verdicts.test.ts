import { describe, expect, it } from 'vitest';
import { type PointVerdict, verdict } from '../../../main/contract/sweep.ts';
import {
  bracketText,
  bracketWords,
  findingVerdictText,
  planStanding,
  planCountsText,
  notShownSafeText,
  planStandingText,
  sizesText,
  standingOf,
  standingText,
  sweepNotes,
  thresholdLook,
  thresholdValue,
  verdictText,
} from '../../../main/words/verdicts.ts';
import { sweepResult } from '../evaluation/outcomes.ts';

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
      '< \u00d72 ?',
      '?',
      '\u2265 \u00d78',
    ]);
    expect([found, unsafe, unknown, open].map(bracketText)).toEqual(['[1.23, 2) worse 4', '[1, 2)', '', '[8, \u2026)']);
  });

  it('looks different where the smallest factor is worse, undecided, or nothing can be said', () => {
    const worse = { ...unsafe, firstWorse: 2 };
    const atChance = { ...unknown, verdict: 'at-chance' } as const;
    expect([worse, unsafe, unknown, atChance].map(thresholdValue)).toEqual(['< \u00d72', '< \u00d72 ?', '?', 'chance']);
    expect([found, worse, unsafe, unknown, atChance].map(thresholdLook)).toEqual([
      'safe',
      'unsafe',
      'open',
      'unknown',
      'unknown',
    ]);
    expect(bracketWords(atChance)).toBe('nothing to lose: at chance');
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

  it('says where a pruned model stands, and gives no verdict where a finding only counts', () => {
    expect([true, false, null].map((pastThreshold) => standingText(standingOf({ pastThreshold })))).toEqual([
      'past the threshold',
      'within the threshold',
      'threshold undetermined',
    ]);
    expect([findingVerdictText('counted'), findingVerdictText('unchanged')]).toEqual([null, 'no change seen']);
  });

  it('names sizes from the smallest to the largest', () => {
    expect([sizesText([8]), sizesText([64, 8, 16])]).toEqual(['E = 8', 'E = 8 to 64']);
  });
});

describe('texts that run out of tokens', () => {
  const endings = (ended: number) => ({
    ended,
    looped: 0,
    difference: 0,
    low: 0,
    high: 0,
    lowOneSided: 0,
    highOneSided: 0,
    p: null,
    lost: 0,
    gained: 0,
  });
  const unpruned = (ended: number, metric: 'exact_match' | 'ending' = 'exact_match') =>
    sweepResult({ method: 'unpruned', factor: 1, metric, value: 0.4, n: 100, endings: endings(ended) });

  it("are told of before anything else where more than 5 % of the unpruned model's did", () => {
    const [first] = sweepNotes({ results: [unpruned(0.94)], notes: ['a note'] });
    expect(first).toContain('truncation was measured. 6.0\u202f% of the unpruned model');
    for (const silent of [
      unpruned(0.95),
      unpruned(0.5, 'ending'),
      sweepResult({ method: 'reap', metric: 'exact_match', endings: endings(0.5) }),
    ])
      expect(sweepNotes({ results: [silent], notes: ['a note'] })).toEqual(['a note']);
  });
});

describe('an exported plan', () => {
  const point = { task: 'plural', metric: 'acc', n: 300, difference: -0.013, verdict: 'worse' } as const;
  const of = (verdict: PointVerdict) => sweepResult({ ...point, verdict });

  it('is safe only if it is safe on every task that measured it', () => {
    expect(planStanding([])).toBe('not-measured');
    expect(planStanding([of('safe'), of('safe')])).toBe('safe');
    expect(planStanding([of('safe'), of('undecided')])).toBe('undecided');
    expect(planStanding([of('safe'), of('at-chance')])).toBe('undecided');
    expect(planStanding([of('undecided'), of('worse')])).toBe('worse');
    expect(planStanding([sweepResult({})])).toBe('undecided');
  });

  it('is described by task', () => {
    expect(planStandingText([of('worse'), { ...of('safe'), task: 'sort' }], (task) => task.toUpperCase())).toBe(
      'Measured: PLURAL unsafe (\u22121.3 points, n = 300); SORT safe (\u22121.3 points, n = 300).',
    );
    expect(planStandingText([])).toContain('Not measured');
    expect(notShownSafeText([])).toContain('was not measured');
    expect(notShownSafeText([of('worse')])).toContain('every task that it was measured on');
    expect(planCountsText([of('worse'), of('safe'), of('worse'), {}])).toBe(
      'Measured on 4 tasks: 1 safe, 2 unsafe, 1 cannot tell.',
    );
  });
});
