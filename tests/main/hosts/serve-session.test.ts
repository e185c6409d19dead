import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openServeSession, rotateToken } from '../../../main/hosts/serve-session.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('token and port last until a new token is asked for, and no secret is stored beside the key', async () => {
  const folder = await temporaryFolder();
  const first = await openServeSession(folder, false);
  expect(first.port).toBeNull();
  const token = await first.token();
  expect(token).toMatch(/^[\w-]{43}$/);
  await first.keep(4567);
  const second = await openServeSession(folder, false);
  expect([await second.token(), second.port]).toEqual([token, 4567]);
  const third = await openServeSession(folder, true);
  const other = await third.token();
  expect(other).not.toBe(token);
  await third.keep(4567);
  expect(await readFile(join(folder, 'serve.json'), 'utf8')).not.toContain(other);
  // Servers that were started before go by what is valid now.
  for (const session of [first, second, third, await openServeSession(folder, false)])
    expect(await session.token()).toBe(other);
});

test('the token is replaced at will, for servers that run and those to come', async () => {
  const folder = await temporaryFolder();
  await expect(rotateToken(folder)).rejects.toMatchObject({ code: 'never-served' });
  const session = await openServeSession(folder, false);
  await session.keep(4567);
  const before = await session.token();
  const rotated = await rotateToken(folder);
  expect(rotated.port).toBe(4567);
  expect(rotated.token).not.toBe(before);
  expect([await session.token(), await (await openServeSession(folder, false)).token()]).toEqual([
    rotated.token,
    rotated.token,
  ]);
});

test('another user of the machine has another token for the same nonce', async () => {
  const [mine, other] = [await temporaryFolder(), await temporaryFolder()];
  for (const folder of [mine, other])
    await writeFile(join(folder, 'serve.json'), JSON.stringify({ nonce: '0'.repeat(32), port: 4567 }));
  const tokenIn = async (folder: string): Promise<string> => (await openServeSession(folder, false)).token();
  expect(await tokenIn(mine)).not.toBe(await tokenIn(other));
});

test('a damaged file is refused with a remedy', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'serve.json'), '{"nonce": "x"}');
  await expect(openServeSession(folder, false)).rejects.toMatchObject({ code: 'serve-damaged' });
});
