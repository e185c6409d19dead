import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { readParquetRows } from '../../../main/tasks/read-rows.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { parquetBombs, repeatedPassages } from './parquet-bombs.ts';

const MEGABYTE = 2 ** 20;
/**
 * Memory beyond that of the process before reading: the thread, the pages of one column, and the largest of the files.
 * Each file took 0.3 to 6 GB before the promised sizes were checked.
 */
const MOST_BYTES = 300 * MEGABYTE;

const line = z.object({
  file: z.string().nullable(),
  rows: z.number().optional(),
  code: z.string().optional(),
  mostBytes: z.number(),
});

/** Results of a separate process for each file. */
const readApart = async (files: readonly string[]): Promise<readonly z.infer<typeof line>[]> => {
  const program = fileURLToPath(new URL('read-parquet-files.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...files]);
  return stdout
    .trim()
    .split('\n')
    .map((text) => line.parse(JSON.parse(text)));
};

test('small files that expand to gigabytes are refused by their promised sizes, and take little memory', async () => {
  const folder = await temporaryFolder();
  const names = Object.keys(parquetBombs);
  const files: string[] = [];
  for (const [index, make] of Object.values(parquetBombs).entries()) {
    const file = join(folder, `${String(index)}.parquet`);
    await writeFile(file, make());
    files.push(file);
  }
  const [before, ...read] = await readApart(files);
  const ended = read.map(({ code, rows }, index) => ({ name: names[index], code: code ?? `${String(rows)} rows` }));
  expect(ended.filter(({ code }) => code !== 'task-too-large' && code !== 'bad-parquet')).toEqual([]);
  expect(ended).toHaveLength(names.length);
  const most = (read.at(-1)?.mostBytes ?? Infinity) - (before?.mostBytes ?? 0);
  expect(most).toBeLessThan(MOST_BYTES);
});

test('a passage repeated in a hundred thousand rows is read in ordered parts', async () => {
  const rows = 100_000;
  const passage = 'A passage of a thousand characters. '.repeat(28);
  const folder = await temporaryFolder();
  const file = join(folder, 'passages.parquet');
  await writeFile(file, repeatedPassages(rows, passage));
  const read = await readParquetRows(file);
  expect(read).toHaveLength(rows);
  // Compared one by one: a matcher would list all of them on failure.
  expect(read.findIndex(({ values }, row) => values['number'] !== row || values['passage'] !== passage)).toBe(-1);
});
