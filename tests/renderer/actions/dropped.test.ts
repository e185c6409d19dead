import { expect, test } from 'vitest';
import { givenFileName } from '../../../main/contract/path-kind.ts';
import { contentKind } from '../../../renderer/actions/dropped.ts';

test('the kind of a file follows from its name', () => {
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

test('files from a page are named by a name without a path', () => {
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
