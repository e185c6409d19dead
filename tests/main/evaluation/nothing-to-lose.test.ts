import { describe, expect, it } from 'vitest';
import { sweepDocument, type SweepResult, UNPRUNED } from '../../../main/contract/sweep.ts';
import { pointsOverDraws } from '../../../main/evaluation/draws.ts';
import { nothingToLose } from '../../../main/evaluation/nothing-to-lose.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { guessingP } from '../../../main/statistics/p-values.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { sweepNotes, thresholdLook, thresholdValue } from '../../../main/words/verdicts.ts';
import { sweepResult } from './outcomes.ts';

/** A sweep whose unpruned model answers `right` of 1000 items with four choices, and whose candidates lose nothing. */
const sweepWith = (right: number, seeds: readonly (number | null)[] = [null]) => {
  const unpruned = sweepResult({
    method: UNPRUNED,
    factor: 1,
    value: right / 1000,
    p: null,
    chance: { accuracy: 0.25, p: guessingP(right, 1000, 0.25) },
  });
  const candidates = [2, 4].flatMap((factor) => seeds.map((seed) => sweepResult({ factor, seed })));
  return withThresholds({ run: 'run', results: [unpruned, ...candidates], thresholds: [], rule: '' }, { delta: 0.02 });
};

describe('an unpruned model at chance', () => {
  it('gives its candidates no verdict and no threshold', () => {
    const { results, thresholds, multiplicity } = sweepWith(260);
    expect(results.map(({ verdict }) => verdict)).toEqual([null, 'at-chance', 'at-chance']);
    expect(thresholds).toMatchObject([
      { verdict: 'at-chance', factor: null, lastSafe: null, firstUnsafe: null, firstWorse: null, power: null },
    ]);
    expect(multiplicity?.decided).toBe(0);
  });

  it('says so of every draw and over draws', () => {
    const document = sweepWith(260, [0, 1]);
    expect(document.thresholds.map(({ seed, verdict }) => [seed, verdict])).toEqual([
      [0, 'at-chance'],
      [1, 'at-chance'],
      [null, 'at-chance'],
    ]);
    expect(document.thresholds.at(-1)?.draws).toMatchObject([{ verdict: 'at-chance' }, { verdict: 'at-chance' }]);
    expect(pointsOverDraws(document).map(({ verdict }) => verdict)).toEqual(['at-chance', 'at-chance']);
  });

  it('is stated with its numbers', () => {
    expect(sweepNotes(sweepWith(260))).toEqual([
      `model on task is not above chance: unpruned 26.0, chance 25.0 (one-sided exact p = 0.24), n = ` +
        `${formatCount(1000)}. Its pruned models have nothing to lose there, so they get no verdict.`,
    ]);
  });

  it('is in the JSON of the sweep: the test, and verdicts that say so', () => {
    const read = sweepDocument.parse(JSON.parse(JSON.stringify(sweepWith(260))));
    expect(read.results.map(({ chance, verdict }) => [chance?.accuracy, verdict])).toEqual([
      [0.25, null],
      [undefined, 'at-chance'],
      [undefined, 'at-chance'],
    ]);
    expect(read.thresholds.map(({ verdict }) => verdict)).toEqual(['at-chance']);
  });

  it('is not one whose accuracy is proven to be higher, by more than the margin', () => {
    const document = sweepWith(300);
    expect(document.results.map(({ verdict }) => verdict)).toEqual([null, 'safe', 'safe']);
    expect(document.thresholds).toMatchObject([{ verdict: 'all-safe' }]);
    expect(sweepNotes(document)).toEqual([]);
  });
});

/** A sweep of written answers (or choices) whose candidates answer everything as the unpruned model does. */
const unharmed = (right: number, n: number, rest: Partial<SweepResult> = {}) => {
  const results = [1, 2, 4, 32].map((factor) =>
    sweepResult({
      method: factor === 1 ? UNPRUNED : 'reap',
      factor,
      n,
      value: right / n,
      p: factor === 1 ? null : 1,
      metric: 'exact_match',
      ...(factor === 1 ? rest : {}),
    }),
  );
  return withThresholds({ run: 'run', results, thresholds: [], rule: '' }, { delta: 0.02 });
};

describe('an unpruned model without room to lose the margin', () => {
  it('gets 0 of 480 right, and nothing is called safe', () => {
    const document = unharmed(0, 480);
    expect(document.results.map(({ verdict }) => verdict)).toEqual([null, ...new Array(3).fill('nothing-to-lose')]);
    expect(document.thresholds).toMatchObject([{ verdict: 'nothing-to-lose', factor: null, lastSafe: null }]);
    expect(document.multiplicity?.decided).toBe(0);
    expect(JSON.stringify(sweepDocument.parse(document).thresholds)).not.toContain(':"safe"');
    expect(document.thresholds.map(thresholdLook)).toEqual(['unknown']);
    expect(document.thresholds.map(thresholdValue)).toEqual(['no room']);
    expect(sweepNotes(document)).toEqual([
      'model on task is not shown to be above 0 by more than the margin: unpruned 0.0, n = 480. Its pruned models ' +
        'could lose everything and stay within the margin, so they get no verdict.',
    ]);
  });

  it('has room again at a smaller margin', () => {
    const { results } = unharmed(15, 480);
    const at = (delta: number) =>
      withThresholds({ run: 'run', results, thresholds: [], rule: '' }, { delta }).thresholds[0]?.verdict;
    expect([at(0.02), at(0.01)]).toEqual(['nothing-to-lose', 'all-safe']);
  });

  it('is told from the exact lower limit of its accuracy, above chance where there are choices', () => {
    const tail = (right: number, n: number, share: number): number => {
      let [sum, term] = [0, (1 - share) ** n];
      for (let k = 0; k <= n; k += 1) {
        if (k >= right) sum += term;
        term *= ((n - k) / (k + 1)) * (share / (1 - share));
      }
      return sum;
    };
    const lowerLimit = (right: number, n: number): number => {
      let [low, high] = [0, 1];
      for (let turn = 0; turn < 50; turn += 1) {
        const middle = (low + high) / 2;
        if (tail(right, n, middle) > 0.05) high = middle;
        else low = middle;
      }
      return low;
    };
    for (const n of [150, 300])
      for (let right = 0; right <= n; right += 1) {
        const point = { metric: 'acc', value: right / n, n } as const;
        const isFree = nothingToLose(point, 0.02) === null;
        expect(isFree, `${right} of ${n}`).toBe(lowerLimit(right, n) > 0.02);
        const p = guessingP(right, n, 0.25);
        const guessing = nothingToLose({ ...point, chance: { accuracy: 0.25, p } }, 0.02);
        const limit = lowerLimit(right, n);
        expect(guessing).toBe(p > 0.05 ? 'at-chance' : limit > 0.27 ? null : 'nothing-to-lose');
      }
  });

  it('counts passages as items, since they may be right as a whole', () => {
    const point = { metric: 'acc', value: 0.05, n: 300 } as const;
    const passages = { count: 60, moves: [{ items: 5, net: 0, groups: 60 }] };
    expect([nothingToLose(point, 0.02), nothingToLose({ ...point, groups: passages }, 0.02)]).toEqual([
      null,
      'nothing-to-lose',
    ]);
  });

  it('cannot lose a margin that reaches from chance to 1', () => {
    const told = (value: number, accuracy: number, delta: number) =>
      nothingToLose({ metric: 'acc', n: 300, value, chance: { accuracy, p: 1e-9 } }, delta);
    for (const value of [0.7, 0.9, 1])
      expect([told(value, 0.5, 0.5), told(value, 0.8, 0.5)]).toEqual(['nothing-to-lose', 'nothing-to-lose']);
    expect(told(1, 0.5, 0.4)).toBeNull();
  });

  it('does not exist for perplexity', () => {
    expect(nothingToLose({ metric: 'perplexity', value: 1, n: 50 }, 0.02)).toBeNull();
  });
});
