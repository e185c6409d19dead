import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { saveFile } from '../../electron/save-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'uncurl-save-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('writes the bytes, over an older file too', async () => {
  await writeFile(join(folder, 'figure.png'), 'an older and longer one');
  await saveFile(join(folder, 'figure.png'), Uint8Array.of(1, 2, 3));
  expect([...(await readFile(join(folder, 'figure.png')))]).toEqual([1, 2, 3]);
  expect(await readdir(folder)).toEqual(['figure.png']);
});

it('leaves nothing behind on failure', async () => {
  await mkdir(join(folder, 'figure.png'));
  await expect(saveFile(join(folder, 'figure.png'), Uint8Array.of(1))).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['figure.png']);
  await expect(saveFile(join(folder, 'none', 'x.png'), Uint8Array.of(1))).rejects.toThrow('ENOENT');
});
