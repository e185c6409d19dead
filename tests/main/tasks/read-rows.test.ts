import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { readParquetRows } from '../../../main/tasks/read-rows.ts';
import { profiledText } from '../../../main/tasks/task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const fixtures = new URL('../../fixtures/tasks', import.meta.url).pathname;

test('a Parquet file of items, written by pyarrow', async () => {
  const task = await loadTask(join(fixtures, 'items.parquet'));
  expect(task).toMatchObject({ name: 'items', metric: 'acc', calibration: [] });
  expect(task.test).toEqual([
    { id: 'a', context: 'One and one is', choices: [' two', ' three'], answer: 0 },
    { id: 'b', context: 'Two and two is', choices: [' five', ' four', ' six'], answer: 1 },
  ]);
});

test('a task folder may contain Parquet (here brotli), and few-shot examples by seed', async () => {
  const task = await loadTask(join(fixtures, 'parquet-folder'));
  expect([task.calibration.length, task.test.length]).toEqual([3, 2]);
  expect(task.description).toBe(
    '2-shot: every item follows the same examples of the calibration split (drawn with seed 7), which ' +
      'are not items themselves.',
  );
  const texts = [...task.calibration, ...task.test].map(profiledText);
  expect(new Set(texts.map((text) => text.split('\n\n').slice(0, 2).join())).size).toBe(1);
  for (const text of texts) expect(new Set(text.split('\n\n')).size).toBe(3);
});

test('columns with floats are reported, also nested ones', async () => {
  const { rows, decimalColumns } = await readParquetRows(join(fixtures, 'harness/struct-parquet/data/train.parquet'));
  expect([...decimalColumns].sort()).toEqual(['meta', 'score']);
  expect(rows[1]).toMatchObject({
    location: expect.stringMatching(/train\.parquet, row 2$/),
    values: { answerKey: 'B', choices: { label: ['A', 'B'] } },
  });
});

test('refuses damaged files, other compressions, and invalid items, naming file and row', async () => {
  const folder = await temporaryFolder();
  const whole = await readFile(join(fixtures, 'items.parquet'));
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  await expect(loadTask(await write('cut.parquet', whole.subarray(0, whole.length - 40)))).rejects.toThrow(
    /cut\.parquet is not a readable Parquet file/,
  );
  await expect(loadTask(await write('text.parquet', Buffer.from('{"id": "a"}')))).rejects.toMatchObject({
    code: 'bad-parquet',
    kind: 'refused',
  });
  await expect(readParquetRows(join(folder, 'nowhere.parquet'))).rejects.toMatchObject({ code: 'missing-file' });
  const items = parquetWriteBuffer({
    columnData: [
      { name: 'id', data: ['a', 'b'], type: 'STRING' },
      { name: 'text', data: ['words', ''], type: 'STRING' },
    ],
  });
  await expect(loadTask(await write('items.parquet', new Uint8Array(items)))).rejects.toThrow(
    /items\.parquet, row 2 \(id "b"\): text:/,
  );
});

test('more than a million items are refused before any of them is parsed', async () => {
  const file = join(await temporaryFolder(), 'many.jsonl');
  await writeFile(file, 'x\n'.repeat(1_000_001));
  await expect(loadTask(file)).rejects.toMatchObject({ code: 'task-too-large' });
});
