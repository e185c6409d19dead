import { expect, it } from 'vitest';
import { results } from '../../main/words/definitions/results.ts';
import { recordedPages, recordedSample, recordedTables, readShippedAnswers } from './recorded-tables.ts';
import { missedWords } from './simulated-rates.ts';

it('every quoted table in the documentation matches its record', async () => {
  const pages = await recordedPages();
  expect([...new Set(pages.flatMap(({ tables }) => tables))].sort()).toEqual([...recordedTables].sort());
  for (const { file, stands, computed } of pages)
    expect(stands, `${file} is out of date: run "npm run docs"`).toBe(computed);
});

it('the answers beside the sample are those that this version computes ("npm run docs" writes them)', async () => {
  const { answers } = await recordedSample();
  expect(await readShippedAnswers()).toEqual(answers);
});

it('the tooltip of the answer loss says how often its interval misses as simulated', () => {
  expect(results.answerLoss.text).toContain(`in ${missedWords()}, not in 5 %`);
});
