import { expect, test } from 'vitest';
import { sweepText } from '../../../main/cli/sweep-text.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { UNITS_NOTE } from '../../../main/figures/numbers.ts';
import { sampleSweep } from '../figures/sample-run.ts';

const document = withThresholds(sampleSweep(), { delta: 0.02 });
const text = sweepText(document);

test('a sweep in text says verdicts, brackets, where it is worse, what could be told, rule and level', () => {
  expect(text).toMatch(/difference +95 % interval +p +verdict\n/);
  expect(text).toMatch(/threshold +verdict +what this test could have told\n/);
  expect(text).toMatch(/safe at x[\d.]+, not safe at x[\d.]+, (?:worse from x[\d.]+|none known to be worse)/);
  expect(text).toMatch(/an unharmed candidate would be called safe with a chance of [\d.]+ %/);
  for (const sentence of [UNITS_NOTE, document.rule, document.multiplicity?.sentence ?? 'no sentence']) {
    expect(text).toContain(sentence);
  }
});

test('it keeps to letters that every terminal has', () => {
  expect(text.match(/[^\n\u0020-\u007e]/gu)).toBeNull();
});
