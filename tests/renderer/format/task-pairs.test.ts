import { expect, test } from 'vitest';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { profiledOnce, memberOf, membersOf, taskPairs, twinOf } from '../../../renderer/format/task-pairs.ts';
import { taskEntryOf } from '../../main/contract/entries.ts';

const task = (name: string, metric: 'acc' | 'exact_match', test = 300, error: string | null = null) =>
  taskEntryOf(name, { metric, items: { calibration: 1, test }, chance: null, error });

const [add, sort, written] = [task('add', 'acc'), task('sort', 'acc'), task('sort-written', 'exact_match')];
const prose = task('prose', 'exact_match');

test('a task and its written twin find each other if they have the same items', () => {
  const tasks = [add, sort, written];
  expect(twinOf(sort, tasks)).toBe(written);
  expect(twinOf(written, tasks)).toBe(sort);
  expect(twinOf(add, tasks)).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'exact_match', 20)])).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'exact_match', 300, 'gone')])).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'acc')])).toBeNull();
  expect(twinOf(prose, tasks)).toBeNull();
});

test('lists show both as one task, in the order of the tasks, and each task once', () => {
  const tasks = [written, add, sort, prose];
  expect(taskPairs(tasks)).toEqual([
    { task: add, written: null },
    { task: sort, written },
    { task: prose, written: null },
  ]);
  // A second task of the same name has no twin left, and a task that cannot be opened keeps its row.
  const [again, gone] = [taskEntryOf('sort', { ...sort, handle: '/again' }), task('sort', 'acc', 0, 'gone')];
  expect(taskPairs([sort, written, again]).map(({ task: { handle } }) => handle)).toEqual([sort.handle, again.handle]);
  expect(taskPairs([gone, written]).flatMap(membersOf)).toEqual([gone, written]);
});

test('the kind of answers stays where the other task has it', () => {
  const [first, second] = taskPairs([sort, written, prose]);
  if (first === undefined || second === undefined) throw new Error('two tasks');
  expect(memberOf(first, 'written')).toBe(written);
  expect(memberOf(second, 'chosen')).toBe(prose);
});

test('the map of a twin is drawn once if both use the same experts', () => {
  const profile = (counts: number[][]): TaskProfile => ({
    task: '',
    taskHash: '',
    items: 1,
    tokens: 3,
    counts,
    gateMass: [],
    reapSum: [],
    eanSum: [],
  });
  const drawn = (other: TaskProfile | undefined) =>
    profiledOnce([sort, written], ({ name }) => (name === 'sort' ? profile([[2, 1]]) : other)).map(
      (one) => one.task.name,
    );
  expect(drawn(profile([[2, 1]]))).toEqual(['sort']);
  expect(drawn(profile([[1, 2]]))).toEqual(['sort', 'sort-written']);
  expect(drawn(undefined)).toEqual(['sort']);
});
