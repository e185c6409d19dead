import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { open, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { disturbedSweep, rightResults, type Subject, subject, sweep } from './disturbed-sweep.ts';

/** Turns the signs of a stretch of the weights in place: the same file, the same size. */
const rewriteInPlace = async (file: string): Promise<void> => {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(size), 0, size, 0);
    const from = Math.floor(size / 3);
    for (let byte = from; byte < size; byte += 1) buffer[byte] = (buffer[byte] ?? 0) ^ 0x80;
    await handle.write(buffer, from, size - from, from);
  } finally {
    await handle.close();
  }
};

const stepFiles = async ({ folder }: Subject): Promise<string[]> => {
  const names = await readdir(join(folder, 'workspace', 'steps'), { recursive: true });
  return names.filter((name) => name.includes('.')).sort();
};

test('weights rewritten in mid-sweep end the run; no sweep of the restored model reuses a wrong point', async () => {
  const given = await subject();
  const original = await readFile(given.weights);
  const ended = await disturbedSweep(given, () => rewriteInPlace(given.weights));
  expect(ended).toMatchObject({
    code: 'model-changed',
    kind: 'failed',
    message: expect.stringContaining('model.safetensors was written to'),
  });
  await writeFile(given.weights, original);
  expect(await sweep(given)).toEqual(await rightResults());
});

test('another file moved over the weights in mid-sweep ends the run, and poisons nothing', async () => {
  const given = await subject();
  const original = await readFile(given.weights);
  const ended = await disturbedSweep(given, async () => {
    const other = join(given.folder, 'other');
    await writeFile(other, original);
    await rewriteInPlace(other);
    const { atime, mtime } = await stat(given.weights);
    await utimes(other, atime, mtime);
    await rename(other, given.weights);
  });
  expect(ended).toMatchObject({ code: 'model-changed', message: expect.stringContaining('is another file now') });
  await writeFile(given.weights, original);
  expect(await sweep(given)).toEqual(await rightResults());
});

test('weights rewritten with their time put back are found by their bytes; its steps are dropped', async () => {
  const given = await subject();
  const times = { atime: 1_700_000_000, mtime: 1_700_000_000 };
  await utimes(given.weights, times.atime, times.mtime);
  const ended = await disturbedSweep(given, async () => {
    // Synchronous, so that the run cannot look at the times in between.
    const bytes = readFileSync(given.weights);
    for (let byte = Math.floor(bytes.length / 3); byte < bytes.length; byte += 1) bytes[byte]! ^= 0x80;
    writeFileSync(given.weights, bytes, { flag: 'r+' });
    utimesSync(given.weights, times.atime, times.mtime);
    await Promise.resolve();
  });
  expect(ended).toMatchObject({
    code: 'model-changed',
    message: expect.stringMatching(/block \d holds other bytes than when it was mapped/),
  });
  expect(await stepFiles(given)).toEqual([]);
});

test('a tokenizer rewritten in mid-sweep ends the run; with another tokenizer no point is reused', async () => {
  const given = await subject();
  const file = join(given.folder, 'mine', 'tokenizer.json');
  const original = await readFile(file, 'utf8');
  // Two letters change places: the same texts are other tokens.
  const swapped = original.replaceAll('"a"', '"\u0000"').replaceAll('"e"', '"a"').replaceAll('"\u0000"', '"e"');
  expect(swapped).not.toBe(original);
  const ended = await disturbedSweep(given, () => writeFile(file, swapped));
  expect(ended).toMatchObject({ code: 'model-changed', message: expect.stringContaining('tokenizer.json') });
  const kept = await stepFiles(given);
  const other = await sweep(given);
  const right = await rightResults();
  expect(other.map(({ method, kept: count }) => [method, count])).toEqual(
    right.map(({ method, kept: count }) => [method, count]),
  );
  expect((await stepFiles(given)).length).toBeGreaterThanOrEqual(
    kept.length + 1 + new Set(right.map(({ kept: count }) => count)).size,
  );
  await writeFile(file, original);
  expect(await sweep(given)).toEqual(right);
});

test('a task rewritten in mid-sweep changes no point of it, and the next sweep measures the new items', async () => {
  const given = await subject();
  const file = join(given.folder, 'quiz', 'test.jsonl');
  const lines = (await readFile(file, 'utf8')).split('\n');
  const original = await stat(file);
  expect(await disturbedSweep(given, () => writeFile(file, lines.slice(40).join('\n')))).toBeNull();
  const [run] = await given.engine.call('runs.list', {});
  const first = await given.engine.call('sweep.read', { run: run?.id ?? '' });
  expect(first.results).toEqual(await rightResults());
  expect(original.size).not.toBe((await stat(file)).size);
  const before = await stepFiles(given);
  await sweep(given);
  expect((await stepFiles(given)).length).toBeGreaterThan(before.length);
});
