import { execFileSync } from 'node:child_process';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { countOutcomes } from '../runs/source-of.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { readParquetRows } from '../../../main/tasks/read-rows.ts';
import { slowParquet } from '../files/parquet-bombs.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const inFolder = async (name: string, content: string | Uint8Array): Promise<string> => {
  const file = join(await temporaryFolder(), name);
  await writeFile(file, content);
  return file;
};

const parquet = (): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ['a', 'b', 'c'], type: 'STRING' },
        { name: 'text', data: ['hello there', 'good day', 'good night'], type: 'STRING' },
        { name: 'weight', data: [1.5, 2.5, 3.5], type: 'DOUBLE' },
      ],
    }),
  );

test.each([
  ['jsonl', '\n'],
  ['txt', '\n'],
  ['txt', '\r'],
])('more empty lines than items can have between them are refused in a .%s that ends them by %j', async (kind, end) => {
  const file = await inFolder(`lines.${kind}`, Buffer.alloc(4_000_001, end));
  await expect(loadTask(file)).rejects.toMatchObject({
    code: 'task-too-large',
    message: expect.stringContaining('more than 4000000 lines'),
  });
});

const strangers: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'a pipe': (file) => Promise.resolve(execFileSync('mkfifo', [file])),
  'a device': (file) => symlink('/dev/zero', file),
  'a link to itself': (file) => symlink(file, file),
};

test
  .runIf(process.platform !== 'win32')
  .each(
    Object.keys(strangers).flatMap((stranger) =>
      ['jsonl', 'txt', 'parquet', 'yaml'].map((kind) => [stranger, kind] as const),
    ),
  )('%s in the place of a .%s is refused', async (stranger, kind) => {
  const file = join(await temporaryFolder(), `task.${kind}`);
  await strangers[stranger]?.(file);
  await expect(loadTask(file)).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining(file) });
});

test.runIf(process.platform !== 'win32')('pipes and folders within a task folder are refused', async () => {
  for (const [name, stranger] of [
    ['task.json', (file: string): void => void execFileSync('mkfifo', [file])],
    ['test.jsonl', (file: string): void => void execFileSync('mkfifo', [file])],
    ['test.jsonl', (file: string): void => void execFileSync('mkdir', [file])],
  ] as const) {
    const folder = await temporaryFolder();
    if (name !== 'task.json')
      await writeFile(join(folder, 'task.json'), JSON.stringify({ name: 'quiz', metric: 'perplexity' }));
    await writeFile(join(folder, 'calibration.jsonl'), '{"id":"a","text":"b"}');
    stranger(join(folder, name));
    await expect(loadTask(folder)).rejects.toMatchObject({ code: 'not-a-file', kind: 'refused' });
  }
});

test('a huge file is refused before it is read', async () => {
  const file = await inFolder('huge.jsonl', '');
  await truncate(file, 2 ** 33);
  await expect(loadTask(file)).rejects.toMatchObject({ code: 'task-too-large' });
});

test('lines nested a million deep are refused with their number', async () => {
  const file = await inFolder('deep.jsonl', `{"id":"a","text":"b"}\n${'['.repeat(1e6)}`);
  await expect(loadTask(file)).rejects.toMatchObject({ code: 'bad-item', message: expect.stringContaining('line 2') });
});

test('a valid Parquet file is read by the thread as it was written', async () => {
  const rows = await readParquetRows(await inFolder('a.parquet', parquet()));
  expect(rows.map(({ values }) => values)).toEqual([
    { id: 'a', text: 'hello there', weight: 1.5 },
    { id: 'b', text: 'good day', weight: 2.5 },
    { id: 'c', text: 'good night', weight: 3.5 },
  ]);
});

test('any byte of a Parquet file may be wrong: it is refused or read in time, without unhandled errors', async () => {
  const sound = parquet();
  const folder = await temporaryFolder();
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    for (let at = 4; at < sound.length; at += 23) {
      const bytes = Buffer.from(sound);
      bytes[at] = 0xff;
      const file = join(folder, `${String(at)}.parquet`);
      await writeFile(file, bytes);
      const ended = await readParquetRows(file, 20_000).then(
        () => null,
        (error: unknown) => error,
      );
      if (ended !== null) expect(ended).toMatchObject({ kind: 'refused', message: expect.stringContaining(file) });
    }
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(unhandled).toEqual([]);
});

test('a header without a column name is refused, and does not end the process', async () => {
  const bytes = parquet();
  const name = bytes.indexOf(Buffer.from('\x48\x04root', 'latin1'));
  expect(name).toBeGreaterThan(0);
  // Field 14 of the schema, which does not exist, in place of field 4, its name.
  bytes[name] = 0xe8;
  const file = await inFolder('unnamed.parquet', bytes);
  await expect(readParquetRows(file)).rejects.toMatchObject({ code: 'bad-parquet', kind: 'refused' });
  expect(await readParquetRows(await inFolder('sound.parquet', parquet()))).toHaveLength(3);
});

test('a page that contains far more than the file says is refused', async () => {
  // A page of zeros, a thousand times smaller on disk, in place of the first column's.
  const zeros = gzipSync(Buffer.alloc(2 ** 20));
  const bytes = Buffer.from(
    parquetWriteBuffer({
      codec: 'GZIP',
      compressors: { GZIP: () => new Uint8Array(zeros) },
      columnData: [{ name: 'id', data: ['a', 'b'], type: 'STRING' }],
    }),
  );
  const file = await inFolder('bomb.parquet', bytes);
  await expect(readParquetRows(file)).rejects.toMatchObject({ code: 'bad-parquet', kind: 'refused' });
});

test('a reader that does not answer is ended, and the file refused', async () => {
  const file = await inFolder('slow.parquet', parquet());
  await expect(readParquetRows(file, 0)).rejects.toMatchObject({
    code: 'bad-parquet',
    message: expect.stringContaining('not read in 0 s'),
  });
});

test('a file that its reader never finishes is refused by the CPU time limit', async () => {
  const file = await inFolder('endless.parquet', slowParquet());
  await expect(readParquetRows(file)).rejects.toMatchObject({
    code: 'bad-parquet',
    message: expect.stringContaining('s of CPU time'),
  });
});

// Written by the engine, then changed by the fuzzer: the parser never finished reading its rows. By column, the one
// that has no name is found missing.
test('outcomes whose column the schema does not name are refused', async () => {
  const file = fileURLToPath(new URL('../../fixtures/tasks/endless-outcomes.parquet', import.meta.url));
  await expect(countOutcomes(file)).rejects.toMatchObject({
    code: 'outcomes-damaged',
    cause: { message: 'the column factor contains nothing' },
  });
});

test('an outcomes.parquet that is damaged, a folder or a pipe ends with its name', async () => {
  const folder = await temporaryFolder();
  const makers: readonly ((file: string) => Promise<unknown>)[] = [
    (file) => writeFile(file, parquet().fill(0xff, 20, 60)),
    (file) => mkdir(file),
    ...(process.platform === 'win32' ? [] : [strangers['a pipe']]).flatMap((stranger) => stranger ?? []),
  ];
  for (const [index, stranger] of makers.entries()) {
    const file = join(folder, `outcomes-${String(index)}.parquet`);
    await stranger(file);
    const read = countOutcomes(file);
    await expect(read).rejects.toMatchObject({ code: 'outcomes-damaged', message: expect.stringContaining(file) });
  }
});
