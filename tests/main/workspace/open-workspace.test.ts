import { mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from './temporary-folder.ts';

test('makes a new workspace and opens it again', async () => {
  const folder = join(await temporaryFolder(), 'deep', 'workspace');
  await openWorkspace(folder);
  await openWorkspace(folder);
  expect((await readdir(folder)).sort()).toEqual(['overlays', 'runs', 'steps', 'tmp', 'workspace.json']);
});

test('refuses a newer format, a model folder, and a file', async () => {
  const newer = await temporaryFolder();
  await writeFile(join(newer, 'workspace.json'), '{"format":"uncurl-workspace","version":99}');
  await expect(openWorkspace(newer)).rejects.toMatchObject({ code: 'workspace-too-new' });
  const model = await temporaryFolder();
  await writeFile(join(model, 'config.json'), '{}');
  await expect(openWorkspace(model)).rejects.toMatchObject({ code: 'not-a-workspace' });
  expect(await readdir(model)).toEqual(['config.json']);
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  await expect(openWorkspace(join(file, 'workspace'))).rejects.toMatchObject({ kind: 'refused' });
});

test('removes temporary files of killed engines after a day', async () => {
  const folder = await temporaryFolder();
  const { temporaryFolder: temporary } = await openWorkspace(folder);
  await writeFile(join(temporary, '.old.tmp'), '');
  await mkdir(join(temporary, '.young.tmp'));
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
  await utimes(join(temporary, '.old.tmp'), yesterday, yesterday);
  await openWorkspace(folder);
  expect(await readdir(temporary)).toEqual(['.young.tmp']);
});

test.skipIf(process.platform === 'win32').each(['tmp', 'runs', 'steps', 'overlays', 'trash', 'given', 'steps/ab'])(
  'is refused if %s is a link: nothing is cleaned up or written at its target',
  async (name) => {
    const [folder, mine] = [await temporaryFolder(), await temporaryFolder()];
    await openWorkspace(folder);
    await writeFile(join(mine, 'thesis.tex'), 'old');
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(join(mine, 'thesis.tex'), yesterday, yesterday);
    await rm(join(folder, name), { recursive: true, force: true });
    await symlink(mine, join(folder, name));
    await expect(openWorkspace(folder)).rejects.toMatchObject({
      code: 'workspace-leads-out',
      message: expect.stringContaining(join(folder, name)),
    });
    expect(await readdir(mine)).toEqual(['thesis.tex']);
    // The workspace itself may be a link.
    await rm(join(folder, name));
    const link = join(await temporaryFolder(), 'workspace');
    await symlink(folder, link);
    await openWorkspace(link);
  },
);

test('remembers models and tasks once, in order, whoever adds them at the same time', async () => {
  const folder = await temporaryFolder();
  const { library } = await openWorkspace(folder);
  const paths = async (shelf: 'models' | 'tasks'): Promise<readonly string[]> =>
    (await library.list(shelf)).map(({ path }) => path);
  const added = await Promise.all([
    library.add('models', '/a', '1'),
    library.add('models', '/b', '2'),
    library.add('tasks', '/t', '3'),
    library.add('models', '/a', '4'),
  ]);
  expect(added).toEqual([true, true, true, false]);
  expect(await library.list('models')).toEqual([
    { path: '/a', hash: '4' },
    { path: '/b', hash: '2' },
  ]);
  await library.see('models', [
    { path: '/b', hash: '5' },
    { path: '/unheard-of', hash: '6' },
  ]);
  await library.move('models', '/a', '/c', '4');
  expect(await library.list('models')).toEqual([
    { path: '/c', hash: '4' },
    { path: '/b', hash: '5' },
  ]);
  await library.move('models', '/c', '/b', '5');
  expect(await library.list('models')).toEqual([{ path: '/b', hash: '5' }]);
  expect(await library.remove('models', '/b')).toBe(true);
  expect(await library.remove('models', '/b')).toBe(false);
  expect([await paths('models'), await paths('tasks')]).toEqual([[], ['/t']]);

  // As written by earlier versions: paths only.
  await writeFile(join(folder, 'library.json'), JSON.stringify({ models: ['/old'], tasks: [] }));
  expect(await library.list('models')).toEqual([{ path: '/old', hash: null }]);
});
