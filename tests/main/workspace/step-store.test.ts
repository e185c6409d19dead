import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createStepStore } from '../../../main/workspace/step-store.ts';
import { temporaryFolder } from './temporary-folder.ts';

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const schema = z.object({ value: z.number() });

test('what was written is read back bit for bit; what was not is null', async () => {
  const folder = await temporaryFolder();
  const store = createStepStore(folder, folder);
  let written = 0;
  await fc.assert(
    fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => {
      // A key of its own for every value, since small cases are drawn more than once.
      const key = keyOf(String((written += 1)));
      expect(await store.readJson(key, schema)).toBeNull();
      await store.writeJson(key, { value });
      const back = await store.readJson(key, schema);
      // JSON has one zero.
      expect(Object.is(back?.value, value === 0 ? 0 : value)).toBe(true);
      expect(await store.has(key, 'json')).toBe(true);
      await writeFile(store.path(key, 'json'), '{"value":');
      await expect(store.readJson(key, schema)).rejects.toMatchObject({ code: 'step-damaged', kind: 'failed' });
      await store.writeJson(key, { value });
    }),
    { numRuns: 25 },
  );
});

test('lies under the first two digits of its key, and numbers that are none are never stored', async () => {
  const folder = await temporaryFolder();
  const store = createStepStore(join(folder, 'steps'), folder);
  const key = keyOf('a');
  expect(store.path(key, 'json')).toBe(join(folder, 'steps', key.slice(0, 2), `${key}.json`));
  expect(() => store.path('../../etc/passwd', 'json')).toThrow('no SHA-256');
  await expect(async () => await store.writeJson(key, { value: Number.NaN })).rejects.toThrow('NaN');
  expect(await store.has(key, 'json')).toBe(false);
});

test('a step of another kind of file is produced whole or not at all', async () => {
  const folder = await temporaryFolder();
  const store = createStepStore(join(folder, 'steps'), folder);
  const key = keyOf('profile');
  await expect(
    store.produce(key, 'safetensors', async (temporary) => {
      await writeFile(temporary, 'half');
      throw new Error('killed');
    }),
  ).rejects.toThrow('killed');
  expect(await store.has(key, 'safetensors')).toBe(false);
  await store.produce(key, 'safetensors', (temporary) => writeFile(temporary, 'whole'));
  expect(await readFile(store.path(key, 'safetensors'), 'utf8')).toBe('whole');
  expect(await readdir(folder)).toEqual(['steps']);
});
