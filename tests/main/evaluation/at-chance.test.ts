import { describe, expect, it } from 'vitest';
import { sweepDocument, UNPRUNED } from '../../../main/contract/sweep.ts';
import { pointsOverDraws } from '../../../main/evaluation/draws.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { guessingP } from '../../../main/statistics/p-values.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { sweepNotes } from '../../../main/words/verdicts.ts';
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

  it('is not one whose accuracy is proven to be higher', () => {
    const document = sweepWith(275);
    expect(document.results.map(({ verdict }) => verdict)).toEqual([null, 'safe', 'safe']);
    expect(document.thresholds).toMatchObject([{ verdict: 'all-safe' }]);
    expect(sweepNotes(document)).toEqual([]);
  });
});
