import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HarnessEntry, harnessOrder } from '../../../main/contract/harness.ts';
import { IMPORT_FOLDER } from '../../../main/harness/import-tasks.ts';
import { readTaskList, searchTasks, tasksBelow } from '../../../main/harness/task-list.ts';
import { countedItems } from '../../../main/hub/data-set.ts';

const entry = (name: string, members: readonly string[] = [], tasks = 1): HarnessEntry => ({
  name,
  kind: members.length === 0 ? 'task' : 'group',
  tasks,
  members: [...members],
  output: 'multiple_choice',
  data: 'org/data',
  dataName: '',
  test: 'test',
  calibration: 'train',
  fewshot: 0,
  metrics: ['acc'],
  runsPrograms: false,
});

describe('names', () => {
  const names = ['arc_challenge', 'arc_easy', 'ai2_arc', 'arc', 'leaderboard_arc_challenge', 'piqa'];
  const list = names.map((name) => entry(name));
  const found = (query: string, most = 10) => searchTasks(list, query, most).entries.map(({ name }) => name);

  it('are found by every word: the name itself, then those that begin so, short before long', () => {
    expect(found('ARC')).toEqual(['arc', 'arc_easy', 'arc_challenge', 'ai2_arc', 'leaderboard_arc_challenge']);
    expect(found('chall arc')).toEqual(['arc_challenge', 'leaderboard_arc_challenge']);
    expect(found('no such')).toEqual([]);
    expect(searchTasks(list, 'arc', 2)).toMatchObject({ entries: [{ name: 'arc' }, { name: 'arc_easy' }], total: 5 });
  });

  it('with whole words come first, and the plain ones before those in other languages', () => {
    const many = ['arc_ar', 'arc_de', 'search', 'arcade', 'arc_challenge', 'arc_easy', 'ai2_arc', 'arc_multilingual'];
    const ordered = (query: string) =>
      searchTasks(
        many.map((name) => entry(name)),
        query,
        10,
      ).entries.map(({ name }) => name);
    expect(ordered('arc')).toEqual([
      ...['arc_easy', 'arc_challenge', 'arc_multilingual', 'ai2_arc'],
      ...['arc_ar', 'arc_de', 'arcade', 'search'],
    ]);
    // Who asks for a language gets it.
    expect(ordered('arc de')).toEqual(['arc_de', 'arcade']);
    expect(ordered('arc_challenge')[0]).toBe('arc_challenge');
  });

  it('of groups lead to their tasks, each once, or to none where the list does not name them all', () => {
    const grouped = [
      ...['a', 'b', 'c'].map((name) => entry(name)),
      entry('inner', ['a', 'b'], 2),
      entry('outer', ['inner', 'b', 'c', 'outer'], 3),
      entry('cut', ['a'], 2),
    ];
    expect(tasksBelow(grouped, 'outer')?.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(tasksBelow(grouped, 'a')?.map(({ name }) => name)).toEqual(['a']);
    expect(tasksBelow(grouped, 'cut')).toBeNull();
    expect(tasksBelow(grouped, 'unknown')).toBeNull();
  });
});

it('a list in a workspace that names a file, which the harness would read, is refused', async () => {
  const workspace = await mkdtemp(join(tmpdir(), 'uncurl-names-'));
  await mkdir(join(workspace, IMPORT_FOLDER));
  const listOf = async (name: string) => {
    const list = { python: '/python', version: '0.4.13', tasks: [entry(name)] };
    await writeFile(join(workspace, IMPORT_FOLDER, 'harness-names.json'), JSON.stringify(list));
    return readTaskList(workspace, '/python');
  };
  expect(await listOf('arc_easy')).toMatchObject({ tasks: [{ name: 'arc_easy' }] });
  for (const file of ['/home/somebody/task.yaml', 'C:\\task.yaml', '\\\\host\\task.yaml']) {
    await expect(listOf(file)).rejects.toThrow('does not list the tasks');
    expect(harnessOrder.shape.names.safeParse([file]).success).toBe(false);
  }
  await rm(workspace, { recursive: true });
});

it('items of a split are those of the named configuration, or of the only one', () => {
  const card = (...configurations: readonly string[]) => ({
    licence: '',
    items: new Map(configurations.map((name, index) => [name, new Map([['test', 10 + index]])])),
  });
  expect(countedItems(card('one', 'two'), 'two', 'test')).toBe(11);
  expect(countedItems(card('one', 'two'), '', 'test')).toBeNull();
  expect(countedItems(card('plain_text'), '', 'test')).toBe(10);
  expect(countedItems(card('one'), 'two', 'test')).toBeNull();
  expect(countedItems(card('one'), 'one', 'train')).toBeNull();
});
