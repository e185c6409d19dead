import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { announceServing, findOrStartServing, findServing, untilIdle } from '../../../main/hosts/serving-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const SERVED = { workspace: '/somewhere/workspace', port: 4567, workbench: '1.2.3' };

test('an engine is found by its workspace while its process lives, and leaves no file behind', async () => {
  const state = join(await temporaryFolder(), 'state');
  expect(await findServing(state, SERVED.workspace)).toBeNull();
  const leave = await announceServing(state, SERVED);
  expect(await findServing(state, SERVED.workspace)).toMatchObject({ ...SERVED, process: { pid: process.pid } });
  expect(await findServing(state, '/somewhere/else')).toBeNull();

  const [name = ''] = await readdir(state);
  const file = join(state, name);
  const text = await readFile(file, 'utf8');
  // A process of the same number that began at another time is another process.
  await writeFile(file, text.replace(/"startedAt": "[^"]*"/, '"startedAt": "1"'));
  expect(await findServing(state, SERVED.workspace)).toBeNull();
  // An engine that was started since for the same workspace keeps its file.
  await writeFile(file, text.replace(/"pid": \d+/, '"pid": 1'));
  await leave();
  expect(await readdir(state)).toEqual([name]);
  await writeFile(file, text);
  await leave();
  expect(await readdir(state)).toEqual([]);
  await writeFile(file, '{}');
  await expect(findServing(state, SERVED.workspace)).rejects.toMatchObject({ code: 'serving-damaged' });
});

test('an engine that ends instead of starting is quoted', async () => {
  const state = join(await temporaryFolder(), 'state');
  const program = [process.execPath, '-e', 'console.error("no room for weights"); process.exit(3)'] as const;
  await expect(findOrStartServing(state, SERVED.workspace, [...program])).rejects.toMatchObject({
    code: 'not-started',
    message: expect.stringMatching(/it ended with code 3\.?\nno room for weights/) as string,
  });
});

test('an engine is idle only once nobody has used it for the whole time; an interrupt ends the wait', async () => {
  const used = 5;
  let [looks, lastUse] = [0, 0];
  const inUse = (): Promise<boolean> => {
    looks += 1;
    if (looks <= used) lastUse = performance.now();
    return Promise.resolve(looks <= used);
  };
  expect(await untilIdle(50, inUse, new AbortController().signal)).toBe('idle');
  expect(looks).toBeGreaterThan(used);
  expect(performance.now() - lastUse).toBeGreaterThanOrEqual(50);

  // The machine's date is set at the first look.
  const date = vi.spyOn(Date, 'now');
  onTestFinished(() => date.mockRestore());
  const begun = performance.now();
  const lookAndSet = (): Promise<boolean> => {
    date.mockReturnValue(performance.timeOrigin + 3e9);
    return Promise.resolve(false);
  };
  expect(await untilIdle(200, lookAndSet, new AbortController().signal)).toBe('idle');
  expect(performance.now() - begun).toBeGreaterThanOrEqual(200);

  for (const idleMs of [Infinity, 3_600_000]) {
    const interrupt = new AbortController();
    const ended = untilIdle(idleMs, () => Promise.resolve(false), interrupt.signal);
    interrupt.abort();
    expect(await ended).toBe('ended');
  }
});
