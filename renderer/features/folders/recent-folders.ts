import { useQuery } from '../../engine/engine-context.tsx';

/** As many as stand in one line. */
const MOST_SHOWN = 4;

/** The last name of a path, of either kind of system. */
export const nameOf = (path: string): string => /[^\\/]+(?=[\\/]*$)/.exec(path)?.[0] ?? path;

const above = (path: string): string => path.replace(/[\\/]+[^\\/]*[\\/]*$/, '');

/** Folders that hold these paths, the latest first, each once. */
export const foldersOf = (paths: readonly string[]): readonly string[] =>
  [...new Set(paths.map(above).reverse())].filter((path) => path !== '').slice(0, MOST_SHOWN);

/** Where what was opened lies: from the lists that the engine keeps. */
export const useRecentFolders = (target: 'model' | 'task' | 'folder' | 'file'): readonly string[] => {
  const models = useQuery('models.list', {}).data ?? [];
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const opened = target === 'task' ? tasks : target === 'file' ? [] : models;
  return foldersOf(
    opened
      .filter(({ bundled }) => !bundled)
      .map((entry) => ('calibrated' in entry && entry.calibrated !== undefined ? entry.calibrated.items : entry.path)),
  );
};
