import { cp } from 'node:fs/promises';
import path from 'node:path';
import { loadTaskFolder } from '../../../main/tasks/load-task-folder.ts';
import type { Task } from '../../../main/tasks/task.ts';
import { editJson } from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = path.join(import.meta.dirname, '..', '..', '..', 'resources');

export const bundledModel = (name: string): string => path.join(resources, 'models', name);

/** A bundled task with examples before every item. */
export const fewShotTask = async (name: string, fewshot: number): Promise<Task> => {
  const folder = path.join(await temporaryFolder(), name);
  await cp(path.join(resources, 'tasks', name), folder, { recursive: true });
  await editJson(path.join(folder, 'task.json'), (json) => {
    Object.assign(json, { fewshot, fewshotDelimiter: '' });
  });
  return loadTaskFolder(folder);
};
