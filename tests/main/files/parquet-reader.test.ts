import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openParquet } from '../../../main/files/parquet-reader.ts';

const file = fileURLToPath(new URL('../../../resources/sample/run/outcomes.parquet', import.meta.url));
const limits = { mostRows: 1e9, mostBytes: 1e12 };

test('two files are read side by side again and again by the same two threads', async () => {
  const open = () => openParquet(file, limits);
  // Other files of this worker may have left threads, in use or not.
  const before = await Promise.all([open(), open()]);
  for (const reader of before) await reader.close();
  let started = 0;
  const count = (): void => void (started += 1);
  process.on('worker', count);
  try {
    for (let round = 0; round < 3; round += 1) {
      const readers = await Promise.all([open(), open()]);
      expect(readers.map(({ facts }) => facts.rows)).toEqual([readers[0].facts.rows, readers[0].facts.rows]);
      for (const reader of readers) await reader.close();
    }
    expect(started).toBe(0);
    const three = await Promise.all([open(), open(), open()]);
    for (const reader of three) await reader.close();
    expect(started).toBe(1);
  } finally {
    process.off('worker', count);
  }
});
