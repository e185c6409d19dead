import { chooseTaskFile } from '../features/folders/choose-folder.ts';
import type { Action } from './action.ts';
import { takeTask } from './open-task.ts';

export const openTaskFile: Action = {
  id: 'open-task-file',
  label: 'Open task file…',
  keywords: ['dataset', 'jsonl', 'parquet', 'yaml', 'harness', 'text', 'add'],
  menu: 'file',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    const handle = await chooseTaskFile(bridge);
    if (handle !== null) await takeTask({ bridge, cache }, handle);
  },
};
