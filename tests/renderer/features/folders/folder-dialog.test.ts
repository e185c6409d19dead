import { expect, test } from 'vitest';
import { anotherKind, foldersOf, nameOf } from '../../../../renderer/features/folders/folder-dialog.tsx';

test('recent folders are the parents of recently opened paths, each once, for either path style', () => {
  expect(foldersOf(['/data/a/one', '/data/b/two.jsonl', 'C:\\data\\three', '/data/a/four/', '/top'], null)).toEqual([
    '/data/a',
    'C:\\data',
    '/data/b',
  ]);
  expect(foldersOf(['/1/x', '/2/x', '/3/x', '/4/x', '/5/x'], null)).toEqual(['/5', '/4', '/3', '/2']);
  expect(['/data/a', 'C:\\data', '/data/a/'].map(nameOf)).toEqual(['a', 'data', 'a']);
});

test('files that the workspace keeps are no folders to return to', () => {
  const given = '/home/me/uncurl/tasks/3f2a9c/items.jsonl';
  expect(foldersOf(['/data/a/one', given, '/home/me/uncurl-models/m'], '/home/me/uncurl')).toEqual([
    '/home/me/uncurl-models',
    '/data/a',
  ]);
  expect(foldersOf(['C:\\uncurl\\tasks\\3f\\a.jsonl'], 'C:\\uncurl')).toEqual([]);
});

test('a file of another kind is refused by what it is, with what to choose', () => {
  const refusal = (
    name: string,
    kind: 'task' | 'model' | 'file',
    purpose: Parameters<typeof anotherKind>[1],
  ): string => {
    const { message, remedy } = anotherKind({ name, kind }, purpose);
    return `${message} ${remedy}`;
  };
  expect(refusal('test.jsonl', 'task', 'model')).toBe(
    'test.jsonl is a task, not a model. Choose a Hugging Face folder with config.json, safetensors and ' +
      'tokenizer.json, or a .gguf file.',
  );
  expect(refusal('m.gguf', 'model', 'task')).toMatch(/^m\.gguf is a model, not a task\. Choose a task folder, or a/);
  expect(refusal('a.pdf', 'file', 'export')).toBe('a.pdf is not a folder. Choose a folder.');
  expect(refusal('a.pdf', 'file', 'python')).toMatch(/^a\.pdf cannot be chosen here\. Choose the program itself/);
});
