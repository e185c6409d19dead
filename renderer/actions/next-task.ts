import { neighbour } from '../state/neighbour.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

export const nextTask: Action = {
  id: 'next-task',
  label: 'Focus the next task',
  keywords: ['switch', 'task'],
  menu: 'edit',
  shortcut: 'Alt+Down',
  enabled: ({ tasks }) => tasks.length > 1,
  perform: (_engine, { tasks, selection }) =>
    selectionStore.getState().focusTask(
      neighbour(
        tasks.map((task) => task.handle),
        selection.task,
        1,
      ),
    ),
};
