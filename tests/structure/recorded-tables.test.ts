import { expect, it } from 'vitest';
import { recordedPages, recordedTables } from './recorded-tables.ts';

it('every quoted table in the documentation matches its record', async () => {
  const pages = await recordedPages();
  expect([...new Set(pages.flatMap(({ tables }) => tables))].sort()).toEqual([...recordedTables].sort());
  for (const { file, stands, computed } of pages)
    expect(stands, `${file} is out of date: run "npm run docs"`).toBe(computed);
});
