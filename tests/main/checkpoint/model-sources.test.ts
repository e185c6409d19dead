import { type FileHandle, open, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { changedSources } from '../../../main/checkpoint/model-sources.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { changeableCopy, scoringFixture } from './checkpoint-files.ts';

test('what changed is reported by name: time, size, another file, one that is gone, one that is new', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  const { sources } = await openCheckpoint(folder);
  expect(await changedSources(folder, sources)).toEqual([]);
  const inFolder = (name: string): string => path.join(folder, name);
  await utimes(inFolder('model.safetensors'), 1, 1);
  await writeFile(inFolder('config.json'), '{}');
  await rename(inFolder('tokenizer.json'), path.join(folder, 'elsewhere'));
  await rm(inFolder('tokenizer_config.json'));
  await writeFile(inFolder('chat_template.jinja'), 'x');
  const changes = await changedSources(folder, sources);
  expect(changes).toEqual([
    expect.stringMatching(/^config\.json had \d+ bytes and has 2$/),
    'tokenizer.json can no longer be read',
    'tokenizer_config.json can no longer be read',
    'model.safetensors was written to',
    'chat_template.jinja is new',
  ]);
});

test('a touched file has changed, even if bytes, size and modification time are restored', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  const file = path.join(folder, 'model.safetensors');
  await utimes(file, 1_700_000_000, 1_700_000_000);
  const { sources } = await openCheckpoint(folder);
  const right = await readFile(file);
  await writeFile(file, Buffer.alloc(right.length));
  await writeFile(file, right);
  await utimes(file, 1_700_000_000, 1_700_000_000);
  for (const lookedAt of ['stat', 'header'] as const)
    expect(await changedSources(folder, sources, lookedAt)).toEqual([
      'model.safetensors was touched, and may have had other content meanwhile',
    ]);
});

test('headers are compared on request: a file system may have no change times', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  const { sources } = await openCheckpoint(folder);
  const other = sources.map((stamp) => ({ ...stamp, headerHash: stamp.headerHash === null ? null : 'another' }));
  expect(await changedSources(folder, other, 'stat')).toEqual([]);
  expect(await changedSources(folder, other, 'header')).toEqual(['model.safetensors has another header']);
});

test('the same weights with another tokenizer have the same fingerprint and another identity', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  const before = await openCheckpoint(folder);
  await writeFile(path.join(folder, 'tokenizer_config.json'), '{"bos_token": "<unk>"}');
  const after = await openCheckpoint(folder);
  expect(after.fingerprint).toBe(before.fingerprint);
  expect(after.identity).not.toBe(before.identity);
});

test('a look at the files of a model asks for the state of each once', async () => {
  const { folder, sources } = await openCheckpoint(scoringFixture('mixtral-byte-fallback'));
  const handle = await open(path.join(folder, 'config.json'));
  await handle.close();
  // The method of every open file.
  const stats = vi.spyOn(z.custom<FileHandle>().parse(Object.getPrototypeOf(handle)), 'stat');
  onTestFinished(() => stats.mockRestore());
  expect(await changedSources(folder, sources, 'stat')).toEqual([]);
  expect(stats).toHaveBeenCalledTimes(sources.length);
});
