import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorCode } from './file-errors.ts';

/** Folders of the tasks that come with the workbench, by folder name (which is the task's name): `resources/tasks/*`. */
export const bundledTasks = (resources: string): Promise<ReadonlyMap<string, string>> => foldersIn(join(resources, 'tasks'), 'task.json');

/** Folders of the models that come with the workbench, by folder name: `resources/models/*` with a config.json. */
export const bundledModels = (resources: string): Promise<ReadonlyMap<string, string>> => foldersIn(join(resources, 'models'), 'config.json');

const foldersIn = async (folder: string, mark: string): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>();
  for (const name of await namesIn(folder)) {
    if ((await namesIn(join(folder, name))).includes(mark)) found.set(name, join(folder, name));
  }
  return found;
};

/** Names in a folder, sorted, numbers by their size; none where there is no such folder (a file, or a package without this resource). */
const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return (await readdir(folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
};
