import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { processState, thisProcess } from '../../../main/files/process-alive.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { acquireRunLock, readLockHolder, STALE_AFTER_MS } from '../../../main/workspace/run-lock.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { plainRun } from '../contract/run-of.ts';

/** A folder with a lock of this process, with some keys changed. */
const lockWith = async (changes: Readonly<Record<string, unknown>>): Promise<string> => {
  const folder = await temporaryFolder();
  await acquireRunLock(folder);
  const file = join(folder, 'lock-1.json');
  const lock: unknown = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...Object(lock), ...changes }));
  return folder;
};

const later = (): number => Date.now() + 2 * STALE_AFTER_MS;
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

test('for a heartbeat from the future the time of its file counts, and not for ever', async () => {
  const folder = await lockWith({ machine: 'elsewhere', heartbeatAt: Date.now() + YEAR_MS });
  expect(await readLockHolder(folder)).not.toBeNull();
  expect(await readLockHolder(folder, later)).toBeNull();
  const nextYear = new Date(Date.now() + YEAR_MS);
  await utimes(join(folder, 'lock-1.json'), nextYear, nextYear);
  expect(await readLockHolder(folder)).toBeNull();
  await acquireRunLock(folder);
});

test.each([0, -1, 2 ** 31, 2 ** 53])('a lock of process %d, an impossible id, is free', async (pid) => {
  const folder = await lockWith({ pid });
  expect(processState({ ...thisProcess(), pid })).toBe('dead');
  expect(await readLockHolder(folder)).toBeNull();
  await acquireRunLock(folder);
});

test('if the system does not report the start of a process, its heartbeat decides', async () => {
  const folder = await lockWith({ startedAt: null });
  expect(processState({ ...thisProcess(), startedAt: null })).toBe('unsure');
  expect(await readLockHolder(folder)).toMatchObject({ pid: process.pid });
  expect(await readLockHolder(folder, later)).toBeNull();
});

test('an empty lock file with a time in the future, of a process that died, expires too', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'lock-1.json');
  await writeFile(file, '');
  expect(await readLockHolder(folder)).not.toBeNull();
  const nextYear = new Date(Date.now() + YEAR_MS);
  await utimes(file, nextYear, nextYear);
  expect(await readLockHolder(folder)).toBeNull();
});

test('an invalid time is refused with an explanation, not with a date error', async () => {
  const folder = await lockWith({ heartbeatAt: 1e300 });
  await expect(acquireRunLock(folder)).rejects.toMatchObject({
    code: 'run-locked',
    message: expect.stringContaining('at an invalid time'),
  });
});

test.runIf(process.platform !== 'win32')(
  'folders, links, pipes and huge files in place of a lock do not lock',
  async () => {
    const makers: readonly ((file: string) => Promise<unknown>)[] = [
      (file) => mkdir(join(file, 'inside'), { recursive: true }),
      (file) => symlink('/nowhere', file),
      (file) => symlink('/dev/zero', file),
      (file) => symlink(file, file),
      (file) => Promise.resolve(execFileSync('mkfifo', [file])),
      (file) => writeFile(file, Buffer.alloc(70_000, 0x20)),
    ];
    for (const make of makers) {
      const folder = await temporaryFolder();
      await make(join(folder, 'lock-4.json'));
      expect(await readLockHolder(folder)).toBeNull();
      await acquireRunLock(folder);
      expect((await readdir(folder)).filter((name) => name.startsWith('lock-'))).toEqual(['lock-5.json']);
    }
  },
);

test('a generation too large to be reached by counting does not block', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, `lock-${'9'.repeat(30)}.json`), '');
  await acquireRunLock(folder);
  expect(await readLockHolder(folder)).toMatchObject({ pid: process.pid });
});

test('a lock is taken over on request, and its holder notices', async () => {
  const folder = await temporaryFolder();
  const first = await acquireRunLock(folder);
  await expect(acquireRunLock(folder)).rejects.toMatchObject({ remedy: expect.stringContaining('--take-over') });
  const second = await acquireRunLock(folder, { takeOver: true });
  expect(await first.renew()).toBe(false);
  expect(await second.renew()).toBe(true);
  await first.release();
  expect(await readLockHolder(folder)).not.toBeNull();
});

test('a failed removal releases the lock', async () => {
  const { runs, path, temporaryFolder: tmp } = await openWorkspace(await temporaryFolder());
  const { manifest: made, lock } = await runs.create('sweep', plainRun);
  await lock.release();
  await rm(tmp, { recursive: true });
  await writeFile(join(path, 'tmp'), 'in the way');
  await expect(runs.remove(made.id)).rejects.toThrow();
  expect(await runs.holder(made.id)).toBeNull();
  await rm(join(path, 'tmp'));
  await mkdir(join(path, 'tmp'));
  await runs.remove(made.id);
  expect(await runs.list()).toEqual([]);
});
