import { expect, test } from 'vitest';
import type { PathHandle } from '../../../main/contract/model.ts';
import { pathHandle } from '../../../main/contract/model.ts';
import { createDeedsStore, deedToUndo } from '../../../renderer/state/history.ts';
import { createSelectionStore } from '../../../renderer/state/selection-store.ts';

const handle = (name: string): PathHandle => pathHandle.parse(name);

test('the later one is undone first, the deed or the step of the selection', async () => {
  const selection = createSelectionStore();
  const deeds = createDeedsStore();
  const done: string[] = [];
  const next = () => deedToUndo(deeds.getState().deeds, selection.getState().history);
  const act = (name: string): void => {
    deeds.getState().add(selection.getState().history.past.at(-1), async () => {
      done.push(name);
    });
  };
  act('before any step');
  selection.getState().chooseFactor(4);
  act('first');
  act('second');
  selection.getState().focusTask(handle('handle-task'));

  expect(next()).toBeNull();
  selection.getState().undo();
  expect(selection.getState().task).toBeNull();
  for (const name of ['second', 'first']) {
    const deed = next();
    if (deed === null) throw new Error('there is a deed');
    await deeds.getState().undo(deed);
    expect(done.at(-1)).toBe(name);
  }
  expect(next()).toBeNull();
  selection.getState().undo();
  expect(selection.getState().factor).toBe(2);
  const last = next();
  if (last === null) throw new Error('there is a deed');
  await Promise.all([deeds.getState().undo(last), deeds.getState().undo(last)]);
  expect(done).toEqual(['second', 'first', 'before any step']);
});

test('a deed whose undo fails can be tried again', async () => {
  const deeds = createDeedsStore();
  let isFull = true;
  const deed = deeds.getState().add(undefined, async () => {
    if (isFull) throw new Error('the disk is full');
  });
  await expect(deeds.getState().undo(deed)).rejects.toThrow('the disk is full');
  expect(deeds.getState().deeds).toEqual([deed]);
  isFull = false;
  await deeds.getState().undo(deed);
  expect(deeds.getState().deeds).toEqual([]);
});
