import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listFolder } from '../../../main/workspace/list-folder.ts';
import { createPathHandles } from '../../../main/workspace/path-handles.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { temporaryFolder } from './temporary-folder.ts';

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
    ['b.txt', 'file'],
  ]);
  expect((await listFolder('/')).parent).toBeNull();
  await expect(listFolder(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'no-such-folder' });
});

test('handles: only what was issued can be reached, and a path keeps its handle', () => {
  const handles = createPathHandles();
  const handle = handles.issue('/data/models/../models/a');
  expect(handles.resolve(handle)).toBe('/data/models/a');
  expect(createPathHandles().issue('/data/models/a')).toBe(handle);
  expect(handle).not.toContain('data');
  expect(() => createPathHandles().resolve(handle)).toThrow('was not issued');
  expect(() => handles.resolve(pathHandle.parse('/etc/passwd'))).toThrow('was not issued');
});
