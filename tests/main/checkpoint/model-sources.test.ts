import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { changedSources } from '../../../main/checkpoint/model-sources.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { changeableCopy, scoringFixture } from './checkpoint-files.ts';

test('what changed is told by name: time, size, another file, one that is gone, one that is new', async () => {
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
    'tokenizer.json cannot be read any more',
    'tokenizer_config.json cannot be read any more',
    'model.safetensors was written to',
    'chat_template.jinja is new',
  ]);
});

test('the same weights with another tokenizer have the same fingerprint and another identity', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  const before = await openCheckpoint(folder);
  await writeFile(path.join(folder, 'tokenizer_config.json'), '{"bos_token": "<unk>"}');
  const after = await openCheckpoint(folder);
  expect(after.fingerprint).toBe(before.fingerprint);
  expect(after.identity).not.toBe(before.identity);
});
