import { neighbour } from '../state/neighbour.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

export const previousTask: Action = {
  id: 'previous-task',
  label: 'Focus the previous task',
  keywords: ['switch', 'task'],
  menu: 'edit',
  shortcut: 'Alt+Up',
  enabled: ({ tasks }) => tasks.length > 1,
  perform: (_engine, { tasks, selection }) =>
    selectionStore.getState().focusTask(
      neighbour(
        tasks.map((task) => task.handle),
        selection.task,
        -1,
      ),
    ),
};
