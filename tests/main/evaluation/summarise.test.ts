import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { guessingP, mcnemarExact } from '../../../main/statistics/p-values.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { oneSidedEnds } from '../../../main/evaluation/verdicts.ts';
import { pairedInterval } from '../../../main/statistics/exact-paired-test.ts';
import { choiceOutcome, textOutcome, writtenOutcome } from './outcomes.ts';

const answers = fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 200 });

describe('summarise, accuracy', () => {
  it('counts the pairs', () => {
    const baseline = [true, true, true, false, false].map((right, i) => choiceOutcome(`q${i}`, right));
    const candidate = [true, false, false, true, false].map((right, i) =>
      choiceOutcome(`q${i}`, right, true, [3, 1][i] ?? 0),
    );
    const { answerLoss, ...summary } = summarise('acc', baseline, candidate);
    expect(answerLoss?.mean).toBeCloseTo(0.2, 12);
    const counts = { gained: 1, lost: 2, n: 5 };
    expect(summary).toEqual({
      n: 5,
      evaluated: 5,
      metric: 'acc',
      value: 0.4,
      acc: 0.4,
      accNorm: 1,
      perplexity: null,
      difference: -0.2,
      ...pairedInterval(counts),
      lowOneSided: oneSidedEnds(counts, 0.02).low,
      highOneSided: oneSidedEnds(counts, 0.02).high,
      p: mcnemarExact(2, 1),
      lost: 2,
      gained: 1,
      truncated: 2,
    });
  });

  it('tests the unpruned model against guessing, and no candidate', () => {
    const outcomes = [true, true, true, false, false].map((right, i) => choiceOutcome(`q${i}`, right));
    expect(summarise('acc', outcomes, null).chance).toEqual({ accuracy: 0.5, p: guessingP(3, 5, 0.5) });
    // A single choice is always right: nothing is above chance.
    const single = outcomes.slice(0, 3).map((outcome) => ({ ...outcome, logprobs: [-1] }));
    expect(summarise('acc', single, null).chance).toEqual({ accuracy: 1, p: 1 });
    expect(summarise('acc', outcomes, outcomes)).not.toHaveProperty('chance');
    expect(summarise('exact_match', [writtenOutcome('a', 'right')], null)).not.toHaveProperty('chance');
  });

  it('reads the choice by normalised score for acc_norm', () => {
    const baseline = [choiceOutcome('a', true, false), choiceOutcome('b', true, true)];
    const candidate = [choiceOutcome('a', true, true), choiceOutcome('b', false, true)];
    expect(summarise('acc_norm', baseline, candidate)).toMatchObject({
      value: 1,
      acc: 0.5,
      accNorm: 1,
      gained: 1,
      lost: 0,
    });
    expect(summarise('acc', baseline, candidate)).toMatchObject({ value: 0.5, gained: 0, lost: 1 });
  });

  it('changes sign when candidate and baseline change places', () => {
    fc.assert(
      fc.property(answers, (pairs) => {
        const baseline = pairs.map(([before], i) => choiceOutcome(`q${i}`, before));
        const candidate = pairs.map(([, after], i) => choiceOutcome(`q${i}`, after));
        const there = summarise('acc', baseline, candidate);
        const back = summarise('acc', candidate, baseline);
        expect(back.difference).toBe(0 - there.difference);
        expect(back.low).toBe(-there.high);
        expect(back.high).toBe(-there.low);
        expect(back.p).toBe(there.p);
        expect([back.lost, back.gained]).toEqual([there.gained, there.lost]);
        expect(there.value - back.value).toBeCloseTo(there.difference, 12);
      }),
    );
  });
});

describe('summarise, exact match', () => {
  const outcomes = (texts: readonly string[], truncated = 0): ReturnType<typeof writtenOutcome>[] =>
    texts.map((text, index) => writtenOutcome(`q${String(index)}`, text, index < truncated ? 2 : 0));

  it('pairs generated answers as accuracies are paired', () => {
    const baseline = outcomes(['right', 'right ', 'right', 'wrong', 'no']);
    const candidate = outcomes(['right', 'wrong', 'wr', 'right', 'yes'], 1);
    const counts = { gained: 1, lost: 2, n: 5 };
    expect(summarise('exact_match', baseline, candidate)).toEqual({
      n: 5,
      evaluated: 5,
      metric: 'exact_match',
      value: 0.4,
      acc: null,
      accNorm: null,
      perplexity: null,
      difference: -0.2,
      ...pairedInterval(counts),
      lowOneSided: oneSidedEnds(counts, 0.02).low,
      highOneSided: oneSidedEnds(counts, 0.02).high,
      p: mcnemarExact(2, 1),
      lost: 2,
      gained: 1,
      truncated: 1,
      endings: {
        ended: 1,
        looped: 0,
        difference: 0,
        ...pairedInterval({ gained: 0, lost: 0, n: 5 }),
        lowOneSided: oneSidedEnds({ gained: 0, lost: 0, n: 5 }, 0.02).low,
        highOneSided: oneSidedEnds({ gained: 0, lost: 0, n: 5 }, 0.02).high,
        p: 1,
        lost: 0,
        gained: 0,
      },
    });
    expect(summarise('exact_match', baseline, null)).toMatchObject({ value: 0.6, difference: 0, p: null });
  });

  it('refuses outcomes of another kind, and other items', () => {
    expect(() => summarise('exact_match', [choiceOutcome('a', true)], null)).toThrow(/exact_match cannot measure/);
    expect(() => summarise('acc', [writtenOutcome('a', 'right')], null)).toThrow(/acc cannot measure/);
    expect(() => summarise('exact_match', outcomes(['right']), [writtenOutcome('other', 'right')])).toThrow(/other/);
  });
});

describe('summarise, perplexity', () => {
  const baseline = [textOutcome('a', -20, 10), textOutcome('b', -60, 30), textOutcome('c', -45, 20)];
  const candidate = [textOutcome('a', -22, 10), textOutcome('b', -63, 30), textOutcome('c', -44, 20)];

  it('gives perplexities, and minus the upper end of the rise of log-perplexity', () => {
    const summary = summarise('perplexity', baseline, candidate);
    expect(summary).toMatchObject({ n: 3, acc: null, accNorm: null, p: null, lost: 0, gained: 0, truncated: 0 });
    expect(summary.value).toBeCloseTo(Math.exp(129 / 60), 12);
    expect(summary.perplexity).toBe(summary.value);
    expect(summary.difference).toBeCloseTo(Math.exp(129 / 60) - Math.exp(125 / 60), 12);
    expect(summary.low).toBeLessThan(summary.difference);
    expect(summary.high).toBeGreaterThan(summary.difference);
    expect(summary.lowOneSided).toBeLessThan(-4 / 60);
    // No resample rises by more than the text that rises most.
    expect(summary.lowOneSided).toBeGreaterThan(-0.2 - 1e-12);
  });

  it('refuses other token counts and numbers that are not finite', () => {
    expect(() => summarise('perplexity', baseline, [textOutcome('a', -22, 11), ...candidate.slice(1)])).toThrow(
      /11 for the/,
    );
    expect(() => summarise('perplexity', baseline, [textOutcome('a', Number.NaN, 10), ...candidate.slice(1)])).toThrow(
      /NaN/,
    );
  });
});

describe('summarise', () => {
  it('gives the unpruned model a difference of exactly 0 to itself', () => {
    const choices = [choiceOutcome('a', true), choiceOutcome('b', false)];
    const nothing = { difference: 0, low: 0, high: 0, lowOneSided: 0, p: null, lost: 0, gained: 0 };
    expect(summarise('acc', choices, null)).toMatchObject({ ...nothing, value: 0.5, n: 2 });
    expect(summarise('perplexity', [textOutcome('a', -20, 10)], null)).toMatchObject({
      ...nothing,
      value: Math.exp(2),
    });
  });

  it('refuses other items, another order, other answers, no items and the wrong kind', () => {
    const [a, b] = [choiceOutcome('a', true), choiceOutcome('b', true)];
    expect(() => summarise('acc', [a, b], [a])).toThrow(/2 items and the candidate 1/);
    expect(() => summarise('acc', [a, b], [b, a])).toThrow(/Item 1 is a .* and b /);
    expect(() => summarise('acc', [a], [{ ...a, answer: 1 }])).toThrow(/is 0 for .* 1 for/);
    expect(() => summarise('acc', [], [])).toThrow(/no outcomes/);
    expect(() => summarise('perplexity', [a], [a])).toThrow(/choice item/);
    expect(() => summarise('acc', [textOutcome('t', -1, 1)], [textOutcome('t', -1, 1)])).toThrow(/text item/);
  });

  it('covers the truth from outcomes to interval (simulation, 2000 samples of 150 items)', () => {
    const random = seededRandom(5);
    let held = 0;
    let heldOneSided = 0;
    const runs = 2000;
    for (let run = 0; run < runs; run += 1) {
      const pairs = Array.from({ length: 150 }, () => {
        const u = random.float();
        // 0.05 gained, 0.09 lost, the rest answered the same: the true difference is -0.04.
        return u < 0.05
          ? ([false, true] as const)
          : u < 0.14
            ? ([true, false] as const)
            : ([u < 0.7, u < 0.7] as const);
      });
      const summary = summarise(
        'acc',
        pairs.map(([before], i) => choiceOutcome(`q${i}`, before)),
        pairs.map(([, after], i) => choiceOutcome(`q${i}`, after)),
      );
      if (summary.low <= -0.04 && -0.04 <= summary.high) held += 1;
      if (summary.lowOneSided <= -0.04) heldOneSided += 1;
    }
    // Standard error of either share: 0.005.
    expect(Math.abs(held / runs - 0.95)).toBeLessThan(0.016);
    expect(Math.abs(heldOneSided / runs - 0.95)).toBeLessThan(0.016);
  });
});
