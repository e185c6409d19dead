import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { bundledRecordsFile, bundledRecordsText } from './bundled-records.ts';

it('the engine contains the checksums of the bundled records as they are ("npm run docs" writes them)', async () => {
  expect(await readFile(bundledRecordsFile, 'utf8')).toBe(await bundledRecordsText());
});
