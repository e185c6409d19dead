import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reshard } from '../checkpoint/checkpoint-files.ts';
import { disturbedSweep, rightResults, type Subject, subject, sweep } from './disturbed-sweep.ts';

/** Takes a file away for a while: a sweep reports it by name, and loses no point. */

const away = (path: string): Promise<void> => rename(path, `${path}-away`);
const back = (path: string): Promise<void> => rename(`${path}-away`, path);

const resumed = async ({ engine }: Subject): Promise<unknown> => {
  const [run] = await engine.call('runs.list', {});
  await engine.call('jobs.resume', { run: run?.id ?? '' });
  await engine.finished(run?.id ?? '');
  return (await engine.call('sweep.read', { run: run?.id ?? '' })).results;
};

test.each([
  ['the folder of the model', 'mine', 'model.safetensors'],
  ['its weights', 'mine/model.safetensors', 'model.safetensors'],
  ['its tokenizer', 'mine/tokenizer.json', 'tokenizer.json'],
])('the run ends naming %s that vanishes in mid-sweep, and goes on once it is back', async (_, path, name) => {
  const given = await subject();
  const ended = await disturbedSweep(given, () => away(join(given.folder, path)));
  expect(ended).toMatchObject({
    code: 'model-changed',
    kind: 'failed',
    message: expect.stringContaining(`${name} can no longer be read`),
  });
  await back(join(given.folder, path));
  expect(await resumed(given)).toEqual(await rightResults());
});

test('one shard of several, gone in mid-sweep, does the same', async () => {
  const given = await subject();
  const folder = join(given.folder, 'mine');
  await reshard(folder, 3, (_, position) => 1 + (position % 3));
  const right = await sweep(given);
  await rm(join(given.folder, 'workspace', 'steps'), { recursive: true });
  const shard = join(folder, 'model-00002-of-00003.safetensors');
  expect(await disturbedSweep(given, () => away(shard))).toMatchObject({
    code: 'model-changed',
    message: expect.stringContaining('model-00002-of-00003.safetensors can no longer be read'),
  });
  await back(shard);
  expect(await resumed(given)).toEqual(right);
});

test('a task that vanishes in mid-sweep was read whole: its points are right; the next sweep names it', async () => {
  const given = await subject();
  const path = join(given.folder, 'quiz');
  expect(await disturbedSweep(given, () => away(path))).toBeNull();
  const [run] = await given.engine.call('runs.list', {});
  expect((await given.engine.call('sweep.read', { run: run?.id ?? '' })).results).toEqual(await rightResults());
  await expect(sweep(given)).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining(path) });
  expect(await readdir(join(given.folder, 'workspace', 'tmp'))).toEqual([]);
});
