import { expect, it } from 'vitest';
import { recordedPages, recordedTables } from './recorded-tables.ts';

it('every table that the documentation quotes from a record is what the record gives', async () => {
  const pages = await recordedPages();
  expect([...new Set(pages.flatMap(({ tables }) => tables))].sort()).toEqual([...recordedTables].sort());
  for (const { file, stands, computed } of pages)
    expect(stands, `${file} is out of date: run "npm run docs"`).toBe(computed);
});
