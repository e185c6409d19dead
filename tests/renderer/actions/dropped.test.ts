import { expect, test } from 'vitest';
import { givenFileName } from '../../../main/contract/path-kind.ts';
import { contentKind } from '../../../renderer/actions/dropped.ts';

test('a file is opened by its name as what it is', () => {
  const kinds = [
    'own.jsonl',
    'A.PARQUET',
    'x.yaml',
    'plan.json',
    'own-1.task.json',
    'curves.svg',
    'map.PNG',
    'table.csv',
    'a.zip',
    'a',
  ];
  expect(kinds.map(contentKind)).toEqual([
    'task',
    'task',
    'task',
    'plan',
    'other',
    'figure',
    'figure',
    'figure',
    'other',
    'other',
  ]);
});

test('what a page gives is named by a name and no path', () => {
  for (const name of [
    '../a.jsonl',
    'a/b.jsonl',
    'a\\b.jsonl',
    '.jsonl',
    '.a.jsonl',
    'a.json',
    'a\n.jsonl',
    'C:a.jsonl',
  ])
    expect(givenFileName.safeParse(name).success).toBe(false);
  for (const name of ['own.jsonl', 'Größe 2.txt', 'a.b.Parquet'])
    expect(givenFileName.safeParse(name).success).toBe(true);
});
