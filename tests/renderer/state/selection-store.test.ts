import { expect, test } from 'vitest';
import { CancelledError, refuse } from '../../../main/contract/errors.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { createNoticesStore } from '../../../renderer/state/notices-store.ts';
import { createSelectionStore, neighbour } from '../../../renderer/state/selection-store.ts';

const [a, b] = [pathHandle.parse('a'), pathHandle.parse('b')];

test('selecting another model drops the expert, and keeps tasks, method and factor', () => {
  const store = createSelectionStore();
  store.getState().tickTasks([a]);
  store.getState().chooseFactor(4);
  store.getState().selectExpert(1, 7);
  expect(store.getState()).toMatchObject({ layer: 1, expert: 7, subject: 'expert' });
  store.getState().selectModel(b);
  expect(store.getState()).toMatchObject({
    model: b,
    layer: null,
    expert: null,
    tasks: [a],
    factor: 4,
    method: 'reap',
  });
});

test('a task is ticked and unticked; selecting another run drops the point', () => {
  const store = createSelectionStore();
  store.getState().toggleTask(a);
  store.getState().toggleTask(b);
  store.getState().toggleTask(a);
  expect(store.getState().tasks).toEqual([b]);
  store.getState().selectPoint({ run: 'r', model: 'm', task: 't', method: 'reap', seed: null, factor: 2 });
  expect(store.getState().subject).toBe('point');
  store.getState().selectRun('s');
  expect(store.getState().point).toBeNull();
});

test('neighbours wrap around, and an unknown member leads to the first', () => {
  expect([
    neighbour([1, 2, 3], 3, 1),
    neighbour([1, 2, 3], 1, -1),
    neighbour([1, 2, 3], 9, 1),
    neighbour([], 1, 1),
  ]).toEqual([1, 3, 1, null]);
});

test('errors become notices with their remedy; a cancel is not an error, and a repeated error is one notice', () => {
  const store = createNoticesStore();
  const error = refuse('x', 'No config.json in /m.', 'Choose a model folder.');
  store.getState().report(error);
  store.getState().report(error);
  store.getState().report(new CancelledError('The sweep'));
  expect(store.getState().notices.map(({ kind, message, remedy }) => [kind, message, remedy])).toEqual([
    ['error', 'No config.json in /m.', 'Choose a model folder.'],
  ]);
});
