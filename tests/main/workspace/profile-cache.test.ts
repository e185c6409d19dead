import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { emptyRoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { createProfileCache, profileCacheLimits } from '../../../main/workspace/profile-cache.ts';
import { writeProfileFile } from '../../../main/workspace/profile-file.ts';
import { temporaryFolder } from './temporary-folder.ts';

const written = async (folder: string, name: string, layers = 1, items = 1): Promise<string> => {
  const file = join(folder, name);
  const statistics = { ...emptyRoutingStatistics(layers, 4, 2), items, tokens: layers };
  await writeProfileFile(file, { model: 'm', fingerprint: 'f', tasks: [{ name: 't', hash: 'h', statistics }] });
  return file;
};

test('a cached profile is read once, and those used last stay cached', async () => {
  const folder = await temporaryFolder();
  const [a, b, c] = [await written(folder, 'a'), await written(folder, 'b'), await written(folder, 'c')];
  const { size } = await stat(a);
  const cache = createProfileCache({ mostBytes: 2 * size, keptMs: 60_000 });
  const [first] = [await cache.read(a), await cache.read(b)];
  expect(await cache.read(a)).toBe(first);
  await cache.read(c);
  expect(cache.heldBytes).toBe(2 * size);
  expect(await cache.read(a)).toBe(first);
  const third = await cache.read(c);
  // The one used longest ago was evicted.
  await cache.read(b);
  expect(await cache.read(c)).toBe(third);
  expect(await cache.read(a)).not.toBe(first);
});

test('profiles take a share of the memory for weights, and at most half a gigabyte', () => {
  expect(profileCacheLimits(2 ** 30).mostBytes).toBe(2 ** 27);
  expect(profileCacheLimits(2 ** 40).mostBytes).toBe(2 ** 29);
});

test('one that is too large is read each time, and a replaced file is another profile', async () => {
  const folder = await temporaryFolder();
  const file = await written(folder, 'a');
  const small = createProfileCache({ mostBytes: 10, keptMs: 60_000 });
  expect(await small.read(file)).not.toBe(await small.read(file));
  expect(small.heldBytes).toBe(0);
  const cache = createProfileCache({ mostBytes: 1e9, keptMs: 60_000 });
  expect(await cache.read(file)).toMatchObject({ layers: 1 });
  await rm(file);
  await expect(cache.read(file)).rejects.toThrow('ENOENT');
  await written(folder, 'a', 2);
  expect(await cache.read(file)).toMatchObject({ layers: 2 });
  // One of the same size, computed again.
  await rename(await written(folder, 'b', 2, 7), file);
  expect(await cache.read(file)).toMatchObject({ layers: 2, items: 7 });
});

test('an unreadable file is not cached', async () => {
  const cache = createProfileCache({ mostBytes: 1e9, keptMs: 60_000 });
  await expect(cache.read(import.meta.filename)).rejects.toMatchObject({ code: 'bad-safetensors' });
  expect(cache.heldBytes).toBe(0);
});
