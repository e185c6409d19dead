import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { plainRun } from '../contract/run-of.ts';

type Damage = (folder: string) => Promise<unknown>;

const without = async (folder: string, name: string): Promise<string> => {
  await rm(join(folder, name), { recursive: true, force: true });
  return join(folder, name);
};
const manifestOf = (folder: string): Promise<string> => without(folder, 'manifest.json');
const pipe = (file: string): void => {
  execFileSync('mkfifo', [file]);
};
const huge = async (file: string): Promise<void> => {
  await writeFile(file, '{');
  await truncate(file, 2 ** 31);
};

/** Kinds of damage to a run, and the reason in its entry. */
const damages: Readonly<Record<string, readonly [damage: Damage, reason: RegExp]>> = {
  'a manifest that is a folder': [async (folder) => mkdir(await manifestOf(folder)), /is a folder/],
  'a manifest that is a pipe': [async (folder) => pipe(await manifestOf(folder)), /is a pipe/],
  'a manifest that is a device': [async (folder) => symlink('/dev/zero', await manifestOf(folder)), /is a device/],
  'a manifest that is a link to nothing': [
    async (folder) => symlink('/nowhere/at/all', await manifestOf(folder)),
    /manifest\.json does not exist/,
  ],
  'a manifest that is a link to itself': [
    async (folder) => symlink('manifest.json', await manifestOf(folder)),
    /is a circular link/,
  ],
  'a huge manifest': [(folder) => huge(join(folder, 'manifest.json')), /2147483648 bytes/],
  'a manifest that is no JSON': [(folder) => writeFile(join(folder, 'manifest.json'), '{"id":'), /is not JSON/],
  'a manifest nested too deeply': [
    (folder) => writeFile(join(folder, 'manifest.json'), `{"id":${'['.repeat(200_000)}`),
    /is not JSON|is not a manifest/,
  ],
  'a manifest of another form': [(folder) => writeFile(join(folder, 'manifest.json'), '[1, 2]'), /is not a manifest/],
  'the manifest of another run': [
    async (folder) => {
      const text = await readFile(join(folder, 'manifest.json'), 'utf8');
      await writeFile(join(folder, 'manifest.json'), text.replace(/"id": "[^"]*"/, '"id": "sweep-other"'));
    },
    /of another run, "sweep-other"/,
  ],
  'results that are a folder': [(folder) => mkdir(join(folder, 'results.json')), /results\.json is not a regular file/],
  'results that are a pipe': [
    (folder) => Promise.resolve(pipe(join(folder, 'points.json'))),
    /points\.json is not a regular file/,
  ],
  'results that are a link to nothing': [
    (folder) => symlink('/nowhere', join(folder, 'plans.json')),
    /plans\.json is a dangling link/,
  ],
  'huge results': [(folder) => huge(join(folder, 'results.json')), /results\.json has 2147483648 bytes/],
  'a file in the place of its folder': [
    async (folder) => {
      await rm(folder, { recursive: true });
      await writeFile(folder, 'x');
    },
    /is not a folder/,
  ],
  'a pipe in the place of its folder': [
    async (folder) => {
      await rm(folder, { recursive: true });
      pipe(folder);
    },
    /is not a folder/,
  ],
  'a link to nothing in the place of its folder': [
    async (folder) => {
      await rm(folder, { recursive: true });
      await symlink('/nowhere', folder);
    },
    /is not a folder/,
  ],
};

const damagedWorkspace = async (
  damage: Damage,
): Promise<{ readonly workspace: Workspace; readonly good: string; readonly bad: string }> => {
  const workspace = await openWorkspace(await temporaryFolder());
  const make = async (): Promise<string> => {
    const { manifest: made, lock } = await workspace.runs.create('sweep', plainRun);
    await lock.release();
    return made.id;
  };
  const [good, bad] = [await make(), await make()];
  await damage(workspace.runs.folder(bad));
  return { workspace, good, bad };
};

test.runIf(process.platform !== 'win32').each(Object.keys(damages))(
  '%s is listed as damaged with the reason, hides no other run, and goes to the trash',
  async (name) => {
    const [damage, reason] = damages[name] ?? [];
    if (damage === undefined || reason === undefined) throw new Error('no such damage');
    const { workspace, good, bad } = await damagedWorkspace(damage);
    const listed = await workspace.runs.list();
    expect(listed.map(({ id }) => id).sort()).toEqual([good, bad].sort());
    expect(listed.find(({ id }) => id === good)).not.toHaveProperty('damaged');
    expect(listed.find(({ id }) => id === bad)).toMatchObject({ damaged: expect.stringMatching(reason) });
    const at = await workspace.runs.trash(bad);
    expect((await workspace.runs.list()).map(({ id }) => id)).toEqual([good]);
    expect(await readdir(join(workspace.path, 'trash'))).toEqual([at.split('/').at(-1)]);
  },
);

test('an unreadable run is listed', async ({ skip }) => {
  if (process.platform === 'win32') skip('Windows has no such permissions');
  if (process.getuid?.() === 0) skip('nothing is forbidden to root');
  const { workspace, bad } = await damagedWorkspace((folder) => chmod(join(folder, 'manifest.json'), 0));
  expect((await workspace.runs.list()).find(({ id }) => id === bad)?.damaged).toMatch(/permission denied/);
});

test('an unfinished run whose lock is a folder is listed as interrupted, and can be locked', async () => {
  const workspace = await openWorkspace(await temporaryFolder());
  const { manifest: made, lock } = await workspace.runs.create('sweep', { ...plainRun, state: 'running' });
  await lock.release();
  await mkdir(join(workspace.runs.folder(made.id), 'lock-7.json', 'deep'), { recursive: true });
  expect(await workspace.runs.list()).toMatchObject([{ id: made.id, state: 'interrupted' }]);
  expect((await workspace.runs.list())[0]).not.toHaveProperty('waited');
  await (await workspace.runs.lock(made.id)).release();
});

test('a run in progress is not moved to the trash', async () => {
  const workspace = await openWorkspace(await temporaryFolder());
  const { manifest: made, lock } = await workspace.runs.create('sweep', { ...plainRun, state: 'running' });
  await expect(workspace.runs.trash(made.id)).rejects.toMatchObject({ code: 'run-locked' });
  await expect(workspace.runs.trash('sweep-none')).rejects.toMatchObject({ code: 'no-such-run' });
  expect(await lock.renew()).toBe(true);
});

test('hundreds of damaged runs hide none of the good ones', async () => {
  const workspace = await openWorkspace(await temporaryFolder());
  const { manifest: made } = await workspace.runs.create('sweep', plainRun);
  for (let index = 0; index < 500; index += 1) {
    const folder = join(workspace.path, 'runs', `sweep-bad-${String(index)}`);
    await mkdir(folder);
    await writeFile(join(folder, 'manifest.json'), '?'.repeat(index));
  }
  const listed = await workspace.runs.list();
  expect(listed).toHaveLength(501);
  expect(listed.filter(({ damaged }) => damaged === undefined).map(({ id }) => id)).toEqual([made.id]);
});

test('reading results from a pipe is refused, and does not hang', async () => {
  const folder = await temporaryFolder();
  if (process.platform === 'win32') return;
  pipe(join(folder, 'results.json'));
  await expect(readSweepDocument(folder)).rejects.toMatchObject({ code: 'not-a-file', kind: 'refused' });
});

/** Nested folders, each made from within the last: together their names are longer than a path may be. */
const NESTED = `
  const { mkdirSync } = require('node:fs');
  for (let depth = 0; depth < 30; depth += 1) {
    mkdirSync('d'.repeat(200));
    process.chdir('d'.repeat(200));
  }
`;

test.runIf(process.platform === 'linux')(
  'an unreadable run in the trash is listed, and blocks neither the others nor emptying them',
  async () => {
    const { workspace, good, bad } = await damagedWorkspace((folder) =>
      Promise.resolve(execFileSync(process.execPath, ['--eval', NESTED], { cwd: folder })),
    );
    onTestFinished(() => void execFileSync('rm', ['-r', workspace.path]));
    await workspace.runs.trash(bad);
    const trashed = await workspace.runs.trash(good);
    expect((await workspace.trash.list()).map(({ run }) => run).sort()).toEqual([good, bad].sort());
    await expect(workspace.trash.empty()).rejects.toMatchObject({ code: 'name-too-long', kind: 'refused' });
    expect(await readdir(join(workspace.path, 'trash'))).not.toContain(basename(trashed));
    // The remains take space but cause no errors, also when their removal is tried again a day later.
    const [left = ''] = await readdir(workspace.temporaryFolder);
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(join(workspace.temporaryFolder, left), yesterday, yesterday);
    await openWorkspace(workspace.path);
  },
);

test('an interrupted run that was still waiting for its turn is told apart', async () => {
  const workspace = await openWorkspace(await temporaryFolder());
  const { manifest: made, lock } = await workspace.runs.create('sweep', { ...plainRun, state: 'queued' });
  await lock.release();
  expect(await workspace.runs.list()).toMatchObject([{ id: made.id, state: 'interrupted', waited: true }]);
  // A run's own manifest is signed, and stays as it is stored.
  expect(await workspace.runs.read(made.id)).not.toHaveProperty('waited');
});
