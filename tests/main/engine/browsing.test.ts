import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Engine } from '../../../main/engine/engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const browsing = (roots: readonly string[]): Promise<Engine> => openEngine(undefined, { roots });

test('a page looks into the root and below, by handles only; the folder above is not shown', async () => {
  const root = await realpath(join(resources, 'models'));
  const engine = await browsing([root]);
  const models = await engine.call('folders.list', {});
  expect(models).toMatchObject({ path: root, parent: null });
  const shipped = models.entries.find(({ name }) => name === 'uncurl-16');
  expect(shipped?.kind).toBe('model');
  if (shipped === undefined) throw new Error('no bundled model');
  expect(await engine.call('models.open', { handle: shipped.handle })).toMatchObject({ name: 'uncurl-16' });
  const inside = await engine.call('folders.list', { handle: shipped.handle });
  expect(inside).toMatchObject({ parent: models.handle, path: join(root, 'uncurl-16') });
});

test('paths outside the roots are refused, also by handle; links out of them are not listed', async () => {
  const root = join(await realpath(await temporaryFolder()), 'root');
  await mkdir(root);
  await mkdir(join(root, 'inside'));
  await writeFile(join(root, 'a.txt'), 'text');
  await symlink('/etc', join(root, 'etc'));
  await symlink(join(root, 'inside'), join(root, 'within'));
  await symlink('/etc/hostname', join(root, 'hostname.txt'));
  const engine = await browsing([root]);
  const listed = await engine.call('folders.list', {});
  expect(listed.entries.map(({ name }) => name).sort()).toEqual(['a.txt', 'inside', 'within']);
  for (const outside of ['/', '/etc', join(root, 'etc'), join(root, '..')])
    await expect(engine.call('folders.list', { handle: engine.grantPath(outside) })).rejects.toMatchObject({
      code: 'outside-roots',
      kind: 'refused',
    });
  const sibling = `${root}-beside`;
  await mkdir(sibling);
  await expect(engine.call('folders.list', { handle: engine.grantPath(sibling) })).rejects.toMatchObject({
    code: 'outside-roots',
  });
});

test('several roots are listed as folders to begin with', async () => {
  const roots = [await realpath(await temporaryFolder()), await realpath(join(resources, 'tasks'))];
  const engine = await browsing(roots);
  const listed = await engine.call('folders.list', {});
  expect(listed.entries.map(({ name, isFolder }) => [name, isFolder])).toEqual(roots.map((root) => [root, true]));
  const second = listed.entries[1];
  if (second === undefined) throw new Error('a second root');
  expect((await engine.call('folders.list', { handle: second.handle })).entries.length).toBeGreaterThan(0);
});

test('a typed path leads to a folder, or to a file with its folder; hidden ones are listed on demand', async () => {
  const root = await realpath(await temporaryFolder());
  await mkdir(join(root, '.cache', 'models'), { recursive: true });
  await writeFile(join(root, 'own.jsonl'), '{}');
  const engine = await browsing([root]);
  const names = async (input: { path?: string; hidden?: boolean }): Promise<readonly string[]> =>
    (await engine.call('folders.list', input)).entries.map(({ name }) => name);
  expect(await names({})).toEqual(['own.jsonl']);
  expect(await names({ hidden: true })).toEqual(['.cache', 'own.jsonl']);
  expect(await names({ path: join(root, '.cache') })).toEqual(['models']);
  const typed = await engine.call('folders.list', { path: ` ${join(root, 'own.jsonl')} ` });
  expect([typed.path, typed.file]).toEqual([root, typed.entries[0]?.handle]);
  for (const [path, code] of [
    ['own.jsonl', 'bad-path'],
    [join(root, 'nothing'), 'no-such-folder'],
    ['/etc/hostname', 'outside-roots'],
    // Whether it exists is not shown either.
    ['/no/such/folder', 'outside-roots'],
    [join(root, '..'), 'outside-roots'],
    ['~', 'outside-roots'],
  ] as const)
    await expect(engine.call('folders.list', { path })).rejects.toMatchObject({ code, kind: 'refused' });
});
