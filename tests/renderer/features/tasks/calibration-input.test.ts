import { expect, test } from 'vitest';
import { pathHandle } from '../../../../main/contract/model.ts';
import { taskEntry } from '../../../../main/contract/task.ts';
import type { TaskEntry } from '../../../../main/contract/task.ts';
import {
  choiceOf,
  firstFields,
  splitReason,
  tasksToTakeFrom,
  trialText,
} from '../../../../renderer/features/tasks/calibration-input.ts';

const handle = (name: string) => pathHandle.parse(name);
const task = (name: string, calibration: number, metric: TaskEntry['metric'] = 'acc'): TaskEntry =>
  taskEntry.parse({
    handle: name,
    name,
    title: name,
    description: '',
    metric,
    source: '',
    licence: '',
    path: `/${name}`,
    bundled: false,
    items: { calibration, test: 300 },
    chance: null,
    hash: name,
    error: null,
  });

test('a split of one fifth is offered first, or the earlier choice', () => {
  const first = firstFields({});
  expect(choiceOf(first)).toEqual({ from: 'split', share: 0.2, seed: 0 });
  const choice = { from: 'split', share: 0.35, seed: 4 } as const;
  expect(choiceOf(firstFields({ calibrated: { items: '/a', choice } }))).toEqual(choice);
  const other = { from: 'task', task: handle('plural') } as const;
  expect(choiceOf(firstFields({ calibrated: { items: '/a', choice: other } }))).toEqual(other);
});

test('empty or invalid fields make no choice', () => {
  const first = firstFields({});
  for (const wrong of [{ percent: NaN }, { percent: 0 }, { percent: 100 }, { seed: -1 }, { seed: 1.5 }, { seed: NaN }])
    expect(choiceOf({ ...first, ...wrong })).toBeNull();
  expect(choiceOf({ ...first, from: 'file' })).toBeNull();
  expect(choiceOf({ ...first, from: 'task' })).toBeNull();
});

test('calibration items can come from tasks of the same kind that have some, but not from the task itself', () => {
  const own = task('own', 0);
  const others = [
    own,
    task('sums', 300),
    task('plain', 0),
    task('spoken', 300, 'exact_match'),
    task('text', 9, 'perplexity'),
  ];
  expect(tasksToTakeFrom(own, others).map(({ name }) => name)).toEqual(['sums']);
  expect(tasksToTakeFrom(task('own', 0, 'acc_norm'), others).map(({ name }) => name)).toContain('sums');
});

test('states the cost of a split and the result of a choice', () => {
  expect(splitReason(20)).toMatch(/about 12\s% wider \(with one half: 41\s%\)\. This is the default\.$/u);
  expect(splitReason(50)).toMatch(/about 41\s% wider\.$/u);
  expect(splitReason(NaN)).toBe('Enter a share between 0 and 100 %.');
  expect(trialText({ calibration: 60, test: 240, leftOut: 0, groups: null })).toBe(
    '60 calibration items, 240 test items.',
  );
  expect(trialText({ calibration: 60, test: 240, leftOut: 3, groups: 40 })).toBe(
    '60 calibration items, 240 test items. Items of the same group or text stay together: they form 40 sets. 3 ' +
      'left out, because they are also tested.',
  );
});
