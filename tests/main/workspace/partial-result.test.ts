import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { userOf } from '../../../main/workspace/maker-marks.ts';
import { openPartialResult } from '../../../main/workspace/partial-result.ts';
import { temporaryFolder } from './temporary-folder.ts';

const KEY = 'a'.repeat(64);
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const FILES = { 'weights.safetensors': 'some weights', 'config.json': '{"a":1}' };

const written = async (): Promise<string> => {
  const folder = join(await temporaryFolder(), 'pruned');
  await mkdir(folder);
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
  await openPartialResult(folder, KEY, { say: () => undefined }).sealAll();
  return folder;
};

/** What is continued, and what is said. */
const continued = async (folder: string, key = KEY) => {
  const said: string[] = [];
  const found = await openPartialResult(folder, key, { say: (text) => said.push(text) }).continued(() =>
    readFile(join(folder, 'config.json'), 'utf8'),
  );
  return { opened: found?.opened ?? null, said };
};

describe('files of unfinished work', () => {
  test('are continued from as they were sealed, as often as asked', async () => {
    const folder = await written();
    for (const _ of [1, 2]) expect(await continued(folder)).toEqual({ opened: '{"a":1}', said: [] });
  });

  test('where there are none, the work begins, silently', async () => {
    expect(await continued(join(await temporaryFolder(), 'none'))).toEqual({ opened: null, said: [] });
  });

  test('are another user’s, or of an earlier version: the work begins again', async () => {
    const mine = userOf(await temporaryFolder());
    for (const state of [await temporaryFolder(), null]) {
      const folder = await written();
      const said: string[] = [];
      const own = { say: (text: string) => said.push(text), maker: mine };
      if (state === null) {
        const sealed = await readFile(`${folder}.sealed.json`, 'utf8');
        await writeFile(`${folder}.sealed.json`, sealed.replace(/,"marks":"[0-9a-f]*"/, ''));
      } else await openPartialResult(folder, KEY, { ...own, maker: userOf(state) }).sealAll();
      expect(await openPartialResult(folder, KEY, own).continued(() => Promise.resolve())).toBeNull();
      expect(said).toEqual([expect.stringContaining('another user, another machine or an earlier version made it')]);
      expect(await readdir(join(folder, '..'))).toEqual([]);
    }
  });

  const seal = (folder: string): string => `${folder}.sealed.json`;
  const weights = (folder: string): string => join(folder, 'weights.safetensors');
  test.each<[string, (folder: string) => Promise<unknown>]>([
    ['a byte', (folder) => writeFile(weights(folder), 'some weightz')],
    [
      'a byte, with the times of before',
      async (folder) => {
        await writeFile(weights(folder), 'some weightz');
        await utimes(weights(folder), 0, 0);
      },
    ],
    ['the length', (folder) => writeFile(weights(folder), 'some')],
    ['a missing file', (folder) => rm(weights(folder))],
    ['the file that is opened', (folder) => writeFile(join(folder, 'config.json'), '{"a":2}')],
    ['the file that is opened, gone', (folder) => rm(join(folder, 'config.json'))],
    [
      'another file under the name',
      async (folder) => {
        await writeFile(join(folder, 'other'), 'other weights');
        await rename(join(folder, 'other'), weights(folder));
      },
    ],
    [
      'a link to other weights',
      async (folder) => {
        await writeFile(`${folder}-elsewhere`, 'other weights');
        await rm(weights(folder));
        await symlink(`${folder}-elsewhere`, weights(folder));
      },
    ],
    [
      'a folder in place of a file',
      async (folder) => {
        await rm(weights(folder));
        await mkdir(weights(folder));
      },
    ],
    [
      'the folder itself, a link to a copy',
      async (folder) => {
        await rename(folder, `${folder}-moved`);
        await symlink(`${folder}-moved`, folder);
      },
    ],
    ['no seal', (folder) => rm(seal(folder))],
    ['an empty seal', (folder) => writeFile(seal(folder), '')],
    [
      'a seal that was edited with the file',
      async (folder) => {
        await writeFile(weights(folder), 'some weightz');
        const text = await readFile(seal(folder), 'utf8');
        await writeFile(seal(folder), text.replace(hashOf('some weights'), hashOf('some weightz')));
      },
    ],
    [
      'a seal of a file outside of the folder',
      async (folder) => {
        const text = await readFile(seal(folder), 'utf8');
        await writeFile(seal(folder), text.replace('weights.safetensors', '../weights.safetensors'));
      },
    ],
  ])('are given up with a reason, and deleted, after %s', async (_, change) => {
    const folder = await written();
    await change(folder);
    const { opened, said } = await continued(folder);
    expect({ opened, said: said.length <= 1 }).toEqual({ opened: null, said: true });
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
    await expect(readFile(seal(folder))).rejects.toThrow('ENOENT');
  });

  test('of another key are given up', async () => {
    const folder = await written();
    expect(await continued(folder, 'b'.repeat(64))).toMatchObject({
      opened: null,
      said: [expect.stringContaining('are others now')],
    });
  });

  test('that are not sealed are deleted where the work goes on', async () => {
    const folder = await written();
    await writeFile(join(folder, 'adapter_config.json'), '{}');
    await mkdir(join(folder, 'more'));
    expect(await continued(folder)).toEqual({ opened: '{"a":1}', said: [] });
    expect((await readdir(folder)).sort()).toEqual(Object.keys(FILES).sort());
  });

  test('take the place of those sealed before, and leave alone what is not sealed yet', async () => {
    const folder = join(await temporaryFolder(), 'state');
    await mkdir(folder);
    const partial = openPartialResult(folder, KEY, { say: () => undefined });
    for (const step of ['1', '2', '3']) await writeFile(join(folder, step), step);
    await partial.seal(new Map([['1', hashOf('1')]]));
    await partial.seal(new Map([['2', hashOf('2')]]));
    expect((await readdir(folder)).sort()).toEqual(['2', '3']);
    const again = await openPartialResult(folder, KEY, { say: () => undefined }).continued(() => Promise.resolve());
    expect([...(again?.files ?? [])]).toEqual([['2', hashOf('2')]]);
    expect(await readdir(folder)).toEqual(['2']);
  });
});
