import { expect, test } from 'vitest';
import { endedSweepText, sweepText } from '../../../main/cli/sweep-text.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { UNITS_NOTE } from '../../../main/words/numbers.ts';
import { sampleSweep, sampleSweepAtChance } from '../figures/sample-run.ts';

const document = withThresholds(sampleSweep(), { delta: 0.02 });
const text = sweepText(document);

test('a sweep in text says where the unpruned model is at chance, with its numbers, and gives no verdict there', () => {
  expect(text).not.toContain('chance 25.0');
  const atChance = sweepText(withThresholds(sampleSweepAtChance(), { delta: 0.02 }));
  expect(atChance).toMatch(/e16 on sums is not above chance: unpruned [\d.]+, chance 25\.0 \(one-sided exact p = 0\.4/);
  expect(atChance).toMatch(/e16 +sums +reap .*nothing to lose: at chance/);
});

test('a sweep in text says verdicts, brackets, where it is worse, what could be shown, rule and level', () => {
  expect(text).toMatch(/difference +95 % interval +p +verdict\b/);
  expect(text).toMatch(/threshold +verdict +what this test could have shown\n/);
  expect(text).toMatch(/safe at x[\d.]+, not safe at x[\d.]+, (?:worse from x[\d.]+|none known to be worse)/);
  expect(text).toMatch(/an unharmed candidate would be called safe with a chance of [\d.]+ %/);
  for (const sentence of [UNITS_NOTE, document.rule, document.multiplicity?.sentence ?? 'no sentence']) {
    expect(text).toContain(sentence);
  }
});

test('a curve that ended at a candidate that answered everything says which factors were not needed', () => {
  const [first] = document.results.filter(({ factor, seed }) => factor > 1 && seed === null);
  if (first === undefined) throw new Error('the sample holds no pruned point');
  const { model, task, method, seed } = first;
  const notNeeded = [16, 32].map((factor) => ({ model, task, method, seed, factor, kept: 1 }));
  expect(sweepText({ ...document, notNeeded })).toMatch(/measured in full +x?16, x?32\n/);
});

test('the summary of the steps is printed once', () => {
  const summary = '3 of 3 steps computed, 0 reused from disk.';
  const times = (notes: readonly string[]): number =>
    endedSweepText({ ...document, notes: [...notes] }, summary).split(summary).length - 1;
  expect([times([]), times([summary])]).toEqual([1, 1]);
});

test('it keeps to letters that every terminal has', () => {
  expect(text.match(/[^\n\u0020-\u007e]/gu)).toBeNull();
});
