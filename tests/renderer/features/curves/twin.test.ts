import { expect, test } from 'vitest';
import { twinOf } from '../../../../renderer/features/curves/twin.ts';
import { taskEntryOf } from '../../../main/contract/entries.ts';

const task = (name: string, metric: 'acc' | 'exact_match', test = 300, error: string | null = null) =>
  taskEntryOf(name, { metric, items: { calibration: 1, test }, chance: null, error });

test('a task and its written twin find each other if they have the same items', () => {
  const [sort, written] = [task('sort', 'acc'), task('sort-written', 'exact_match')];
  const tasks = [task('add', 'acc'), sort, written];
  expect(twinOf(sort, tasks)).toBe(written);
  expect(twinOf(written, tasks)).toBe(sort);
  expect(twinOf(task('add', 'acc'), tasks)).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'exact_match', 20)])).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'exact_match', 300, 'gone')])).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'acc')])).toBeNull();
  expect(twinOf(task('prose', 'exact_match'), tasks)).toBeNull();
});
