import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NO_LABEL, type RunManifest } from '../../../main/contract/run.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { plainRun } from '../contract/run-of.ts';

const withRun = async (kind: RunManifest['kind'] = 'sweep'): Promise<Workspace & { readonly run: string }> => {
  const workspace = await openWorkspace(await temporaryFolder());
  const { manifest: made, lock } = await workspace.runs.create(kind, plainRun);
  await lock.release();
  return { ...workspace, run: made.id };
};

test('a label is stored beside the manifest, which stays unchanged, and can be changed field by field', async () => {
  const { runs, run } = await withRun();
  const file = join(runs.folder(run), 'manifest.json');
  const before = await readFile(file, 'utf8');
  expect((await runs.list())[0]?.label).toEqual(NO_LABEL);
  await runs.label(run, { name: 'Night run', tags: ['a', 'b', 'a'] });
  await runs.label(run, { note: 'two\nlines', archived: true });
  const label = { name: 'Night run', note: 'two\nlines', tags: ['a', 'b'], archived: true };
  expect((await runs.list())[0]?.label).toEqual(label);
  expect(await runs.label(run, { name: null })).toEqual({ ...label, name: null });
  expect(await readFile(file, 'utf8')).toBe(before);
  expect((await readdir(runs.folder(run))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('simultaneous changes of a label are all kept, such as a name edited until a click on archive', async () => {
  const { runs, run } = await withRun();
  await Promise.all([runs.label(run, { name: 'Night run' }), runs.label(run, { archived: true })]);
  expect((await runs.list())[0]?.label).toMatchObject({ name: 'Night run', archived: true });
});

test('a run in progress can be labelled; a missing run and an invalid label are refused', async () => {
  const { runs, run } = await withRun();
  const lock = await runs.lock(run);
  await runs.label(run, { name: 'Still running' });
  expect(await lock.renew()).toBe(true);
  await expect(runs.label('sweep-none', { name: 'x' })).rejects.toMatchObject({ code: 'no-such-run' });
  await expect(runs.label(run, { tags: ['two words'] })).rejects.toThrow();
  expect((await runs.list())[0]?.label?.name).toBe('Still running');
});

test.each([
  ['{"format":', /is not JSON/],
  ['{"format":"uncurl-run-label","version":2,"name":null,"note":"","tags":[],"archived":false}', /version/],
  ['[]', /contains no name/],
])('a label file %s is reported in the list, hides no run, and is not written over', async (text, reason) => {
  const { runs, run } = await withRun();
  const file = join(runs.folder(run), 'label.json');
  await writeFile(file, text);
  const [listed] = await runs.list();
  expect(listed).toMatchObject({ id: run, label: { ...NO_LABEL, unreadable: expect.stringMatching(reason) } });
  await expect(runs.label(run, { name: 'x' })).rejects.toMatchObject({ code: 'label-unreadable' });
  expect(await readFile(file, 'utf8')).toBe(text);
});

test.each([
  ['verify', 'verification.json', { ok: true }, 'equal'],
  ['verify', 'verification.json', { ok: false }, 'different'],
  ['reproduce', 'reproduction.json', { matches: false }, 'different'],
  ['verify', 'verification.json', { fine: true }, undefined],
  ['sweep', 'verification.json', { ok: true }, undefined],
] as const)('a %s with %s %j is listed with what it found: %s', async (kind, name, found, finding) => {
  const { runs, run } = await withRun(kind);
  expect((await runs.list())[0]?.finding).toBeUndefined();
  await writeFile(join(runs.folder(run), name), JSON.stringify(found));
  expect((await runs.list())[0]?.finding).toBe(finding);
});

test('a file in the place of the trash is named as one', async () => {
  const { trash, path } = await openWorkspace(await temporaryFolder());
  await writeFile(join(path, 'trash'), '');
  for (const act of [() => trash.list(), () => trash.restore('sweep-1-abcdef'), () => trash.empty()])
    await expect(act()).rejects.toMatchObject({
      code: 'not-a-folder',
      message: `${join(path, 'trash')} is no folder: it, or a part of its path, is a file.`,
    });
});

test('a run in the trash is listed with name and size, and is restored complete and unlocked', async () => {
  const { runs, trash, run } = await withRun();
  await runs.label(run, { name: 'Keep me', tags: ['x'] });
  await writeFile(join(runs.folder(run), 'results.json'), 'x'.repeat(10_000));
  expect(await trash.list()).toEqual([]);
  await runs.trash(run);
  expect(await runs.list()).toEqual([]);
  const [entry, ...others] = await trash.list();
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ run, kind: 'sweep', name: 'Keep me' });
  expect(entry?.sizeBytes).toBeGreaterThan(10_000);
  expect(await trash.restore(entry?.entry ?? '')).toBe(run);
  expect((await runs.list())[0]?.label).toMatchObject({ name: 'Keep me', tags: ['x'] });
  expect(await runs.holder(run)).toBeNull();
  await (await runs.lock(run)).release();
  expect(await trash.list()).toEqual([]);
});

test('emptying the trash removes one entry or all, and nothing else; restoring never overwrites a run', async () => {
  const { runs, trash, path, run } = await withRun();
  await runs.trash(run);
  await mkdir(join(path, 'runs', run));
  const [first] = await trash.list();
  await expect(trash.restore(first?.entry ?? '')).rejects.toMatchObject({ code: 'run-there' });
  await writeFile(join(path, 'runs', run, 'manifest.json'), 'damaged');
  await runs.trash(run);
  await mkdir(join(path, 'trash', 'something of mine'));
  expect(await trash.list()).toHaveLength(2);
  expect(await trash.empty(first?.entry)).toMatchObject({ removed: 1 });
  const [second] = await trash.list();
  expect(second).toMatchObject({ run, name: run });
  await expect(trash.empty(first?.entry)).rejects.toMatchObject({ code: 'not-in-trash' });
  await expect(trash.restore('../escape')).rejects.toMatchObject({ code: 'not-in-trash' });
  expect(await trash.empty()).toMatchObject({ removed: 1 });
  expect(await trash.empty()).toEqual({ removed: 0, sizeBytes: 0 });
  expect(await readdir(join(path, 'trash'))).toEqual(['something of mine']);
  expect(await readdir(join(path, 'tmp'))).toEqual([]);
});
