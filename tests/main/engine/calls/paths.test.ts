import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

const started = async () => {
  const folder = await temporaryFolder();
  const workspace = join(folder, 'workspace');
  const engine = await openEngine(workspace);
  const tell = (path: string) => engine.call('paths.tell', { handle: engine.grantPath(path) });
  return { folder, workspace, engine, tell };
};

test('the kind of a path is reported: model, task, run here or elsewhere, or something else', async () => {
  const { folder, workspace, tell } = await started();
  expect(await tell(join(resources, 'models', 'uncurl-8'))).toEqual({ kind: 'model' });
  expect(await tell(join(resources, 'tasks', 'add'))).toEqual({ kind: 'task' });
  await writeFile(join(folder, 'own.jsonl'), '');
  expect(await tell(join(folder, 'own.jsonl'))).toEqual({ kind: 'task' });
  await writeFile(join(folder, 'a.zip'), '');
  expect(await tell(join(folder, 'a.zip'))).toMatchObject({ kind: 'other', isFolder: false });
  expect(await tell(folder)).toMatchObject({ kind: 'other', isFolder: true });

  const run = join(workspace, 'runs', 'sweep-1');
  await mkdir(run, { recursive: true });
  expect(await tell(run)).toMatchObject({ kind: 'other' });
  await writeFile(join(run, 'manifest.json'), '{}');
  expect(await tell(run)).toEqual({ kind: 'run', run: 'sweep-1', workspace, isHere: true });
  expect(await tell(join(run, 'manifest.json'))).toMatchObject({ kind: 'run', isHere: true });
  const other = join(folder, 'other');
  await cp(workspace, other, { recursive: true });
  expect(await tell(join(other, 'runs', 'sweep-1'))).toEqual({
    kind: 'run',
    run: 'sweep-1',
    workspace: other,
    isHere: false,
  });
  await expect(tell(join(folder, 'nothing'))).rejects.toMatchObject({ kind: 'refused' });
});

test('an uploaded task is stored in the workspace once, under its name', async () => {
  const { workspace, engine } = await started();
  const bytes = await readFile(join(resources, 'tasks', 'add', 'test.jsonl'));
  const give = (name: string, content: Buffer) =>
    engine.call('tasks.take', { name, base64: content.toString('base64') });
  const task = await give('own.jsonl', bytes);
  expect(task).toMatchObject({ name: 'own', items: { test: 300, calibration: 0 } });
  expect(task.path.startsWith(join(workspace, 'given'))).toBe(true);
  expect((await give('own.jsonl', bytes)).handle).toBe(task.handle);
  const shorter = bytes.subarray(0, bytes.indexOf(10) + 1);
  expect((await give('own.jsonl', shorter)).items.test).toBe(1);
  expect((await engine.call('tasks.list', {})).filter(({ name }) => name === 'own')).toHaveLength(2);
  await expect(give('own.jsonl', Buffer.from('{}'))).rejects.toMatchObject({ code: 'bad-item' });
  await expect(give('../own.jsonl', bytes)).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(give('own.jsonl', Buffer.alloc(8 * 2 ** 20 + 3, 10))).rejects.toMatchObject({ kind: 'refused' });
});
