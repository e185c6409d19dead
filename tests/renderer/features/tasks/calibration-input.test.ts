import { expect, test } from 'vitest';
import { pathHandle } from '../../../../main/contract/model.ts';
import { taskEntryOf, modelEntryOf } from '../../../main/contract/entries.ts';
import type { TaskEntry } from '../../../../main/contract/task.ts';
import {
  cappedText,
  choiceOf,
  firstFields,
  splitReason,
  tasksToTakeFrom,
  trialText,
} from '../../../../renderer/features/tasks/calibration-input.ts';

const handle = (name: string) => pathHandle.parse(name);
const task = (name: string, calibration: number, metric: TaskEntry['metric'] = 'acc') =>
  taskEntryOf(name, { metric, path: `/${name}`, bundled: false, items: { calibration, test: 300 }, hash: name });

test('a split of one fifth is offered first, or the earlier choice', () => {
  const first = firstFields({}, []);
  expect(choiceOf(first)).toEqual({ from: 'split', share: 0.2, seed: 0 });
  const choice = { from: 'split', share: 0.35, seed: 4 } as const;
  expect(choiceOf(firstFields({ calibrated: { items: '/a', choice } }, []))).toEqual(choice);
  const other = { from: 'task', task: handle('plural') } as const;
  expect(choiceOf(firstFields({ calibrated: { items: '/a', choice: other } }, []))).toEqual(other);
});

test('empty or invalid fields make no choice', () => {
  const first = firstFields({}, []);
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

test('new tokens of written answers are those that fit the model, and can be changed with the stop strings', () => {
  const model = modelEntryOf('small');
  const written = { writing: { until: ['\n\n'], maxNewTokens: 256 } };
  const fields = firstFields(written, [model]);
  expect(fields.writing).toEqual({ until: '\\n\\n', maxNewTokens: 32 });
  expect(cappedText(written, [model])).toContain('32 new tokens instead of 256: half of the positions of small');
  expect(choiceOf({ ...fields, writing: { until: '\\n | Q:', maxNewTokens: 8 } })).toEqual({
    from: 'split',
    share: 0.2,
    seed: 0,
    writing: { until: ['\n', 'Q:'], maxNewTokens: 8 },
  });
  expect(choiceOf({ ...fields, writing: { until: '', maxNewTokens: 8 } })).toBeNull();
  expect(choiceOf({ ...fields, writing: { until: 'Q:', maxNewTokens: 0 } })).toBeNull();
  expect(cappedText({ writing: { until: ['Q:'], maxNewTokens: 8 } }, [model])).toBe('');
});
