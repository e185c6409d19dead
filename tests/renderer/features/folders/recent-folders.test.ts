import { expect, test } from 'vitest';
import { foldersOf, nameOf } from '../../../../renderer/features/folders/recent-folders.ts';

test('recent folders are the parents of recently opened paths, each once, for either path style', () => {
  expect(foldersOf(['/data/a/one', '/data/b/two.jsonl', 'C:\\data\\three', '/data/a/four/', '/top'])).toEqual([
    '/data/a',
    'C:\\data',
    '/data/b',
  ]);
  expect(foldersOf(['/1/x', '/2/x', '/3/x', '/4/x', '/5/x'])).toEqual(['/5', '/4', '/3', '/2']);
  expect(['/data/a', 'C:\\data', '/data/a/'].map(nameOf)).toEqual(['a', 'data', 'a']);
});
