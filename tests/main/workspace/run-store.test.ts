import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunManifest } from '../../../main/contract/run.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { makeRunId } from '../../../main/workspace/run-store.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { plainRun } from '../contract/run-of.ts';

const manifest: Omit<RunManifest, 'id' | 'kind' | 'createdAt'> = {
  ...plainRun,
  state: 'running',
  spec: { methods: ['reap'] },
};

test('run ids are readable and sort by time', () => {
  expect(makeRunId('sweep', new Date('2026-01-01T12:00:00Z'), () => 'ab12')).toBe('sweep-20260101-120000-ab12');
});

test('a run is listed newest first, and interrupted once nobody works on it', async () => {
  let now = Date.parse('2026-01-01T12:00:00Z');
  const { runs } = await openWorkspace(await temporaryFolder(), () => now);
  const first = await runs.create('sweep', manifest);
  now += 1000;
  const second = await runs.create('profile', { ...manifest, state: 'done' });
  expect((await runs.list()).map(({ id, state }) => [id, state])).toEqual([
    [second.manifest.id, 'done'],
    [first.manifest.id, 'running'],
  ]);
  await first.lock.release();
  expect((await runs.read(first.manifest.id)).state).toBe('interrupted');
});

test('files of a run exist before its manifest: a kill leaves no run without them', async () => {
  const { runs, path } = await openWorkspace(await temporaryFolder());
  let there: readonly string[] = [];
  const { manifest: made } = await runs.create('sweep', manifest, async ({ id }) => {
    there = await readdir(runs.folder(id));
    await writeFile(join(runs.folder(id), 'mark'), '');
  });
  expect(there).not.toContain('manifest.json');
  expect(await readdir(runs.folder(made.id))).toEqual(expect.arrayContaining(['manifest.json', 'mark']));
  await expect(runs.create('sweep', manifest, () => Promise.reject(new Error('no mark')))).rejects.toThrow('no mark');
  expect(await readdir(join(path, 'runs'))).toEqual([made.id]);
});

test('runs are removed completely, but not while in progress; unknown ones are refused', async () => {
  const { runs, path } = await openWorkspace(await temporaryFolder());
  const { manifest: made, lock } = await runs.create('sweep', manifest);
  await expect(runs.remove(made.id)).rejects.toMatchObject({ code: 'run-locked' });
  await lock.release();
  await runs.remove(made.id);
  expect(await readdir(join(path, 'runs'))).toEqual([]);
  await expect(runs.read(made.id)).rejects.toMatchObject({ code: 'no-such-run', kind: 'refused' });
  await expect(async () => await runs.read('../escape')).rejects.toMatchObject({ code: 'bad-run' });
});

test('one damaged manifest does not hide the other runs', async () => {
  const { runs, path } = await openWorkspace(await temporaryFolder());
  await runs.create('sweep', manifest);
  await mkdir(join(path, 'runs', 'export-20260101-120000-0000'));
  await writeFile(join(path, 'runs', 'export-20260101-120000-0000', 'manifest.json'), '{"id":');
  const listed = await runs.list();
  expect(listed).toHaveLength(2);
  expect(listed.find(({ kind }) => kind === 'export')).toMatchObject({
    state: 'failed',
    error: expect.stringContaining('not JSON'),
  });
});

test('locking a missing run is refused by name', async () => {
  const { runs } = await openWorkspace(await temporaryFolder());
  await expect(runs.lock('sweep-none')).rejects.toMatchObject({ code: 'no-such-run', kind: 'refused' });
});

test('a run whose creation failed leaves nothing behind, not even a lock', async () => {
  const { runs, path, temporaryFolder: temporary } = await openWorkspace(await temporaryFolder());
  await rm(temporary, { recursive: true });
  await writeFile(temporary, 'in the way');
  await expect(runs.create('sweep', manifest)).rejects.toMatchObject({ code: 'not-a-folder' });
  expect(await readdir(join(path, 'runs'))).toEqual([]);
});
