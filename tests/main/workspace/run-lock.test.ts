import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { acquireRunLock, readLockHolder, STALE_AFTER_MS } from '../../../main/workspace/run-lock.ts';
import { HANG_LIMIT_MS } from '../../hang-limit.ts';
import { temporaryFolder } from './temporary-folder.ts';

const lockModule = new URL('../../../main/workspace/run-lock.ts', import.meta.url).href;

/** A program that takes the lock, reports it, and keeps it until its standard input ends. */
const holding = (folder: string): string => `
  import { acquireRunLock } from ${JSON.stringify(lockModule)};
  try { await acquireRunLock(${JSON.stringify(folder)}); console.log('held'); }
  catch (error) { console.log(error.code); }
  process.stdin.resume();
`;

const holder = async (
  folder: string,
): Promise<{ readonly kill: () => Promise<void>; readonly pid: number; readonly answer: string }> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', holding(folder)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const answer = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
  );
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return { kill, pid: child.pid ?? -1, answer };
};

test('has one holder, is refused to others with the name of the holder, and is free after release', async () => {
  const folder = await temporaryFolder();
  expect(await readLockHolder(folder)).toBeNull();
  const lock = await acquireRunLock(folder);
  expect(await lock.renew()).toBe(true);
  await expect(acquireRunLock(folder)).rejects.toMatchObject({
    code: 'run-locked',
    kind: 'refused',
    message: expect.stringContaining(`process ${String(process.pid)}`),
  });
  await lock.release();
  expect(await readLockHolder(folder)).toBeNull();
  const next = await acquireRunLock(folder);
  expect(await lock.renew()).toBe(false);
  expect(await next.renew()).toBe(true);
});

test('of a process killed with SIGKILL is taken over at once; exactly one of many takers gets it', async () => {
  const folder = await temporaryFolder();
  const first = await holder(folder);
  expect(first.answer).toBe('held');
  expect(await readLockHolder(folder)).toMatchObject({ pid: first.pid });
  await expect(acquireRunLock(folder)).rejects.toMatchObject({ code: 'run-locked' });
  await first.kill();
  expect(await readLockHolder(folder)).toBeNull();

  const takers = await Promise.all(Array.from({ length: 6 }, () => holder(folder)));
  const answers = takers.map(({ answer }) => answer).sort();
  await Promise.all(takers.map(({ kill }) => kill()));
  expect(answers).toEqual(['held', ...Array<string>(5).fill('run-locked')].sort());
});

test.runIf(process.platform === 'linux')('of a zombie process is free', async () => {
  const folder = await temporaryFolder();
  // The shell becomes a sleep, which never waits for its inherited child; the child's input is at its end.
  const parent = spawn(
    'sh',
    ['-c', '"$0" --input-type=module -e "$1" & exec sleep 600', process.execPath, holding(folder)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => {
    parent.kill('SIGKILL');
  });
  await new Promise((resolve) => parent.stdout.once('data', resolve));
  const lock: unknown = JSON.parse(await readFile(join(folder, 'lock-1.json'), 'utf8'));
  const { pid } = z.object({ pid: z.number() }).parse(lock);
  const state = async (): Promise<string> =>
    / (\w) /.exec(await readFile(`/proc/${String(pid)}/stat`, 'utf8'))?.[1] ?? '';
  await expect.poll(state, { timeout: HANG_LIMIT_MS }).toBe('Z');
  expect(await readLockHolder(folder)).toBeNull();
});

test('concurrent takers in one process: never two holders, whatever the history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }), async (rounds) => {
      const folder = await temporaryFolder();
      for (const takers of rounds) {
        const results = await Promise.allSettled(Array.from({ length: takers }, () => acquireRunLock(folder)));
        const held = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
        expect(held).toHaveLength(1);
        await held[0]?.release();
      }
      expect((await readdir(folder)).filter((name) => name.startsWith('lock-'))).toHaveLength(1);
    }),
    { numRuns: 12 },
  );
});

test('of another machine depends on its heartbeat', async () => {
  const folder = await temporaryFolder();
  await acquireRunLock(folder);
  const file = join(folder, 'lock-1.json');
  const lock: unknown = JSON.parse(await readFile(file, 'utf8'));
  const elsewhere = { ...Object(lock), machine: 'elsewhere', host: 'node-7', pid: 4711, heartbeatAt: 1_000_000 };
  await writeFile(file, JSON.stringify(elsewhere));
  const alive = (): number => 1_000_000 + STALE_AFTER_MS - 1;
  const dead = (): number => 1_000_000 + STALE_AFTER_MS;
  expect(await readLockHolder(folder, alive)).toMatchObject({ host: 'node-7', pid: 4711 });
  await expect(acquireRunLock(folder, { now: alive })).rejects.toThrow('process 4711 on node-7');
  expect(await readLockHolder(folder, dead)).toBeNull();
  await acquireRunLock(folder, { now: dead });
  expect((await readdir(folder)).filter((name) => name.startsWith('lock-'))).toEqual(['lock-2.json']);
});

test('an empty lock file is waited for, then taken over', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'lock-3.json'), '');
  await expect(acquireRunLock(folder)).rejects.toMatchObject({ code: 'run-locked' });
  const later = (): number => Date.now() + 2 * STALE_AFTER_MS;
  await acquireRunLock(folder, { now: later });
  expect((await readdir(folder)).filter((name) => name.startsWith('lock-'))).toEqual(['lock-4.json']);
});

test('a renewal in progress during the release does not restore the lock', async () => {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const folder = await temporaryFolder();
    const lock = await acquireRunLock(folder);
    const renewals = [lock.renew(), lock.renew()];
    await lock.release();
    expect(await Promise.all(renewals)).toEqual([true, true]);
    expect(await lock.renew()).toBe(true);
    expect(await readLockHolder(folder)).toBeNull();
  }
});
