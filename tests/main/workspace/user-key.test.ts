import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settingsFile } from '../../../main/workspace/settings-file.ts';
import { readUserKey, requireUserKey, stateFolder } from '../../../main/workspace/user-key.ts';
import { temporaryFolder } from './temporary-folder.ts';

test("lies beside the user's settings, wherever they are", () => {
  expect(stateFolder(settingsFile({ XDG_CONFIG_HOME: '/c' }, 'linux'))).toBe('/c/uncurl-workbench/uncurl-state');
  expect(stateFolder(settingsFile({ UNCURL_SETTINGS: '/x/mine.json' }, 'linux'))).toBe('/x/uncurl-state');
});

test('is created on demand, once by engines that start at the same time, and readable only by its user', async () => {
  const state = join(await temporaryFolder(), 'deep', 'state');
  expect(await readUserKey(state)).toBeNull();
  await expect(stat(state)).rejects.toThrow('ENOENT');
  const keys = await Promise.all(Array.from({ length: 8 }, () => requireUserKey(state)));
  expect(new Set(keys.map((key) => key.sign('a text'))).size).toBe(1);
  expect(await readdir(state)).toEqual(['key']);
  if (process.platform !== 'win32') {
    expect((await stat(join(state, 'key'))).mode & 0o777).toBe(0o600);
    expect((await stat(state)).mode & 0o777).toBe(0o700);
  }
  const [again, other] = [await readUserKey(state), await requireUserKey(await temporaryFolder())];
  expect(again?.sign('a text')).toBe(keys[0]?.sign('a text'));
  expect(other.sign('a text')).not.toBe(keys[0]?.sign('a text'));
  expect(other.name).not.toBe(again?.name);
  expect(await readFile(join(state, 'key'), 'utf8')).not.toContain(again?.name);
});

test('is refused if the file is damaged, and never replaced silently', async () => {
  for (const text of ['', 'key', 'f'.repeat(64), `${'F'.repeat(64)}\n`, '0'.repeat(2_000)]) {
    const state = await temporaryFolder();
    await writeFile(join(state, 'key'), text);
    await expect(requireUserKey(state)).rejects.toMatchObject({ kind: 'refused' });
    expect(await readFile(join(state, 'key'), 'utf8')).toBe(text);
  }
  const state = await temporaryFolder();
  await mkdir(join(state, 'key'));
  await expect(readUserKey(state)).rejects.toMatchObject({ kind: 'refused' });
});

test('reports where it could not be created', async ({ skip }) => {
  if (process.platform === 'win32' || process.getuid?.() === 0) skip('nothing is forbidden to root');
  const folder = await temporaryFolder();
  await chmod(folder, 0o500);
  await expect(requireUserKey(join(folder, 'state'))).rejects.toMatchObject({ code: 'not-writable' });
});
