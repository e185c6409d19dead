import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { sweepThresholds, thresholdRule } from '../../../main/evaluation/threshold.ts';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import {
  compareOutcomes,
  compareSweeps,
  type Findings,
  isMatch,
  reproductionSentence,
} from '../../../main/reproduction/differences.ts';
import { reproductionText } from '../../../main/cli/verbs/reproduce.ts';
import { choiceOutcome, sweepResult, textOutcome, writtenOutcome } from '../evaluation/outcomes.ts';

const nothing: Findings = {
  points: 3,
  items: 900,
  changed: [],
  flipped: [],
  thresholds: [],
  missing: [],
  added: [],
  replanned: [],
  largestScoreDifference: 0,
  fields: { files: [], changed: [], listed: [], rounded: [], allowed: [], edited: [] },
};
const documentOf = (results: readonly SweepResult[]) => ({
  results: [...results],
  thresholds: sweepThresholds(results, 0.02),
  rule: thresholdRule(0.02),
});

describe('outcomes of two runs', () => {
  it('are the same if every choice is, whatever the rounding of the scores', () => {
    const before = [choiceOutcome('a', true), choiceOutcome('b', false)];
    const after = before.map((outcome): ChoiceOutcome => ({
      ...outcome,
      logprobs: outcome.logprobs.map((score, index) => score + index * 1e-6),
    }));
    const { flipped, largestScoreDifference } = compareOutcomes(before, after);
    expect(flipped).toEqual([]);
    expect(largestScoreDifference).toBeCloseTo(1e-6, 12);
    expect(compareOutcomes(before, before)).toEqual({ flipped: [], rewritten: [], largestScoreDifference: 0 });
  });

  it('differ in exactly the items that were flipped, each reported with both scores', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ right: fc.boolean(), flip: fc.boolean() }), { minLength: 1, maxLength: 60 }),
        (items) => {
          const before = items.map(({ right }, index) => choiceOutcome(`i${index}`, right));
          const after = items.map(({ right, flip }, index) => choiceOutcome(`i${index}`, flip ? !right : right));
          const { flipped } = compareOutcomes(before, after);
          expect(flipped.map(({ item }) => item)).toEqual(
            items.flatMap(({ flip }, index) => (flip ? [`i${index}`] : [])),
          );
          for (const { item, before: was, after: is } of flipped) {
            const index = Number(item.slice(1));
            expect([was.scores, is.scores]).toEqual([before[index]?.logprobs, after[index]?.logprobs]);
          }
        },
      ),
    );
  });

  it('differ if only the choice per character does', () => {
    expect(compareOutcomes([choiceOutcome('a', true, true)], [choiceOutcome('a', true, false)]).flipped).toHaveLength(
      1,
    );
  });

  it('differ if the written answers do, right or wrong', () => {
    const before = ['right', 'wrong', 'no'].map((text, index) => writtenOutcome(String(index), text));
    const after = ['right', 'wring', 'right'].map((text, index) => writtenOutcome(String(index), text));
    expect(compareOutcomes(before, after)).toEqual({
      flipped: [],
      rewritten: [
        { item: '1', before: { text: 'wrong', correct: false }, after: { text: 'wring', correct: false } },
        { item: '2', before: { text: 'no', correct: false }, after: { text: 'right', correct: true } },
      ],
      largestScoreDifference: 0,
    });
  });

  it('of texts have no choice to flip, only scores', () => {
    expect(compareOutcomes([textOutcome('t', -20, 5)], [textOutcome('t', -20.5, 5)])).toEqual({
      flipped: [],
      rewritten: [],
      largestScoreDifference: 0.5,
    });
  });

  it('of other items, or of fewer, are not a repetition', () => {
    const two = [choiceOutcome('a', true), choiceOutcome('b', true)];
    for (const other of [
      two.slice(1),
      two.slice(0, 1),
      [...two].reverse(),
      [textOutcome('a', -1, 1), two[1] ?? choiceOutcome('b', true)],
    ]) {
      expect(() => compareOutcomes(two, other)).toThrow(expect.objectContaining({ code: 'outcomes-mismatch' }));
    }
  });
});

describe('documents of two runs', () => {
  const before = [
    sweepResult({ method: 'unpruned', factor: 1, lowOneSided: 0 }),
    sweepResult({ factor: 2, lowOneSided: -0.01 }),
    sweepResult({ factor: 4, lost: 300 }),
  ];
  const changedOnce = (fields: Partial<SweepResult>): SweepResult[] =>
    before.map((result) => (result.factor === 2 ? { ...result, ...fields } : result));

  it('match if everything is the same', () => {
    expect(compareSweeps(documentOf(before), documentOf(before))).toEqual({
      changed: [],
      missing: [],
      added: [],
      thresholds: [],
    });
  });

  it('report a changed accuracy, and the threshold that it moves', () => {
    const found = compareSweeps(documentOf(before), documentOf(changedOnce({ value: 0.6, acc: 0.6, lost: 100 })));
    expect(found.changed).toEqual([
      { model: 'model', task: 'task', method: 'reap', seed: null, factor: 2, metric: 'acc', before: 0.7, after: 0.6 },
    ]);
    expect(found.thresholds).toMatchObject([
      { before: { factor: 2, verdict: 'found' }, after: { factor: 1, verdict: 'none-safe' } },
    ]);
    expect(compareSweeps(documentOf(before), documentOf(changedOnce({ accNorm: 0.71 }))).changed).toHaveLength(1);
  });

  it('report points that only one of them has', () => {
    const found = compareSweeps(
      documentOf(before),
      documentOf([...before.slice(0, 2), sweepResult({ factor: 8, lost: 400 })]),
    );
    expect(found.missing.map(({ factor }) => factor)).toEqual([4]);
    expect(found.added.map(({ factor }) => factor)).toEqual([8]);
  });

  it('allow a perplexity its rounding, and no more', () => {
    const text = (value: number): SweepResult[] => [
      sweepResult({ metric: 'perplexity', value, perplexity: value, acc: null, accNorm: null }),
    ];
    expect(compareSweeps(documentOf(text(12)), documentOf(text(12.000001))).changed).toEqual([]);
    expect(compareSweeps(documentOf(text(12)), documentOf(text(12.001))).changed).toHaveLength(1);
  });
});

describe('the verdict', () => {
  const point = { model: 'm', task: 't', method: 'reap', seed: 1, factor: 4 };
  const flip = {
    ...point,
    item: 'fr-17',
    answer: 2,
    before: { chosen: 2, chosenNorm: 2, scores: [-3, -2.5, -1.000001] },
    after: { chosen: 0, chosenNorm: 0, scores: [-1, -2.5, -1.000002] },
  };

  it('says that every number matches, to the last digit or up to rounding', () => {
    expect(isMatch(nothing)).toBe(true);
    expect(reproductionSentence(nothing)).toBe(
      'Every compared number matches: 3 values over 900 item outcomes, to the last digit.',
    );
    expect(reproductionSentence({ ...nothing, largestScoreDifference: 1.234e-6 })).toContain('at most 0.0000012');
    expect(isMatch({ ...nothing, replanned: [point] })).toBe(true);
  });

  const rewritten = {
    ...point,
    item: 'pl-2',
    before: { text: 'no', correct: true },
    after: { text: '\n', correct: false },
  };

  it('counts what differs, and lists each item by its id with both scores', () => {
    const findings: Findings = {
      ...nothing,
      flipped: [flip],
      rewritten: [rewritten],
      changed: [{ ...point, metric: 'acc', before: 0.9, after: 0.89 }],
    };
    expect(isMatch(findings)).toBe(false);
    expect(reproductionSentence(findings)).toBe(
      'Not every number matches: 1 value of 3 changed, 2 item outcomes of 900 flipped, 0 thresholds changed.',
    );
    const circumstances = {
      versions: { uncurl: '1' },
      device: { provider: 'cpu', precision: 'float32', threads: 1, processor: 'p' },
    };
    const text = reproductionText({
      run: 'b',
      of: 'a',
      matches: false,
      sentence: 's',
      ...findings,
      before: circumstances,
      after: circumstances,
    });
    expect(text.replaceAll(/ {2,}/gu, ' | ').split('\n\n').slice(1, 4)).toEqual([
      expect.stringMatching(/^Values that changed:\n.*\n.*\nm \| t \| reap \| 1 \| 4 \| acc \| 0.9 \| 0.89$/),
      expect.stringContaining(
        '\nfr-17 | m | t | reap | 1 | 4 | 2 | 2 of -3.000000, -2.500000, -1.000001 | ' +
          '0 of -1.000000, -2.500000, -1.000002',
      ),
      expect.stringContaining('\npl-2 | m | t | reap | 1 | 4 | "no" (right) | "\\n" (wrong)'),
    ]);
  });

  it('is not a match for each single kind of difference', () => {
    const threshold = documentOf([sweepResult({})]).thresholds[0] ?? expect.fail('no threshold');
    const alone: readonly Partial<Findings>[] = [
      { changed: [{ ...point, metric: 'acc', before: 0, after: 1 }] },
      { flipped: [flip] },
      { rewritten: [rewritten] },
      { thresholds: [{ before: threshold, after: threshold }] },
      { missing: [point] },
      { added: [point] },
    ];
    for (const difference of alone) expect(isMatch({ ...nothing, ...difference })).toBe(false);
  });
});
