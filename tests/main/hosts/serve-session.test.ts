import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openServeSession } from '../../../main/hosts/serve-session.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('token and port last until a new token is asked for, and no secret is stored beside the key', async () => {
  const folder = await temporaryFolder();
  const first = await openServeSession(folder, false);
  expect(first.port).toBeNull();
  expect(first.token).toMatch(/^[\w-]{43}$/);
  expect(first.token).not.toBe(first.session);
  await first.keep(4567);
  const second = await openServeSession(folder, false);
  expect([second.token, second.session, second.port]).toEqual([first.token, first.session, 4567]);
  const third = await openServeSession(folder, true);
  expect(third.token).not.toBe(first.token);
  expect(third.session).not.toBe(first.session);
  await third.keep(4567);
  expect((await openServeSession(folder, false)).token).toBe(third.token);
});

test('another user of the machine has another token for the same nonce', async () => {
  const [mine, other] = [await temporaryFolder(), await temporaryFolder()];
  for (const folder of [mine, other])
    await writeFile(join(folder, 'serve.json'), JSON.stringify({ nonce: '0'.repeat(32), port: 4567 }));
  expect((await openServeSession(mine, false)).token).not.toBe((await openServeSession(other, false)).token);
});

test('a damaged file is refused with a remedy', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'serve.json'), '{"nonce": "x"}');
  await expect(openServeSession(folder, false)).rejects.toMatchObject({ code: 'serve-damaged' });
});
