import type { PathHandle } from '../../main/contract/model.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { chooseFolder } from '../features/folders/choose-folder.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

export const openTask: Action = {
  id: 'open-task',
  label: 'Open task folder…',
  keywords: ['dataset', 'jsonl', 'benchmark', 'add'],
  menu: 'file',
  shortcut: 'Mod+Shift+O',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    const folder = await chooseFolder(bridge, 'task');
    if (folder === null) return;
    await takeTask({ bridge, cache }, folder.handle);
  },
};

/** Opens a task, ticks it and puts it in focus. */
export const takeTask = async (
  { bridge, cache }: Pick<Engine, 'bridge' | 'cache'>,
  handle: PathHandle,
): Promise<void> => {
  const entry = await bridge.call('tasks.open', { handle });
  cache.invalidate((name) => name === 'tasks.list');
  const { tasks, toggleTask, focusTask } = selectionStore.getState();
  if (!tasks.includes(entry.handle)) toggleTask(entry.handle);
  focusTask(entry.handle);
};
