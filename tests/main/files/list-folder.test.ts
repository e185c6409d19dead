import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pathHandle } from '../../../main/contract/model.ts';
import { listFolder } from '../../../main/files/list-folder.ts';
import { createPathHandles } from '../../../main/workspace/path-handles.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('marks models and tasks, leaves hidden and dangling entries out, puts folders first', async () => {
  const folder = await temporaryFolder();
  for (const name of ['model', 'task', 'plain', '.hidden']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'model', 'config.json'), '{}');
  await writeFile(join(folder, 'model', 'model-00001-of-00002.safetensors'), '');
  await writeFile(join(folder, 'task', 'task.json'), '{}');
  await writeFile(join(folder, 'task', 'test.jsonl'), '');
  await writeFile(join(folder, 'a.jsonl'), '');
  await writeFile(join(folder, 'b.txt'), '');
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
  const listed = await listFolder(folder);
  expect(listed.entries.map(({ name, kind }) => [name, kind])).toEqual([
    ['model', 'model'],
    ['plain', 'folder'],
    ['task', 'task'],
    ['a.jsonl', 'task'],
    ['b.txt', 'task'],
  ]);
  expect((await listFolder('/')).parent).toBeNull();
  await expect(listFolder(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'no-such-folder' });
});

test('marks every form of a task, and nothing that only looks like one', async () => {
  const folder = await temporaryFolder();
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), text);
    }
  };
  const harness = 'tag: quiz\ntask: arc\noutput_type: multiple_choice\n';
  await write({
    'parquet-task/task.json': '{}',
    'parquet-task/test.parquet': '',
    'no-test/task.json': '{}',
    'superglue/train.jsonl': '',
    'superglue/val.jsonl': '',
    'only-train/train.jsonl': '',
    'texts/train.txt': '',
    'texts/test.txt': '',
    'harness/arc.yaml': harness,
    'two-documents/a.yaml': harness,
    'two-documents/b.yml': harness,
    'deployment/compose.yml': 'services:\n  task: x\n',
    'items.jsonl/inside': '',
    'a.jsonl': '',
    'b.parquet': '',
    'c.txt': '',
    'd.yaml': harness,
    'e.YML': harness,
    'f.yml': 'name: x\n',
    'g.json': '{}',
  });
  const listed = (await listFolder(folder)).entries.map(({ name, kind, isFolder }) => [name, kind, isFolder]);
  expect(listed).toEqual([
    ['deployment', 'folder', true],
    ['harness', 'task', true],
    ['items.jsonl', 'folder', true],
    ['no-test', 'folder', true],
    ['only-train', 'folder', true],
    ['parquet-task', 'task', true],
    ['superglue', 'task', true],
    ['texts', 'task', true],
    ['two-documents', 'folder', true],
    ['a.jsonl', 'task', false],
    ['b.parquet', 'task', false],
    ['c.txt', 'task', false],
    ['d.yaml', 'task', false],
    ['e.YML', 'task', false],
    ['f.yml', 'file', false],
    ['g.json', 'file', false],
  ]);
});

test('handles: only issued ones work, and a path keeps its handle', () => {
  const handles = createPathHandles();
  const handle = handles.issue('/data/models/../models/a');
  expect(handles.resolve(handle)).toBe('/data/models/a');
  expect(createPathHandles().issue('/data/models/a')).toBe(handle);
  expect(handle).not.toContain('data');
  expect(() => createPathHandles().resolve(handle)).toThrow('was not opened in this engine');
  expect(() => handles.resolve(pathHandle.parse('/etc/passwd'))).toThrow('was not opened in this engine');
});
