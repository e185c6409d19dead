import { useQuery } from '../../engine/engine-context.tsx';

/** As many as fit in one line. */
const MOST_SHOWN = 4;

/** The last component of a path with either separator. */
export const nameOf = (path: string): string => /[^\\/]+(?=[\\/]*$)/.exec(path)?.[0] ?? path;

const above = (path: string): string => path.replace(/[\\/]+[^\\/]*[\\/]*$/, '');

/** Parent folders of these paths, latest first, without duplicates. */
export const foldersOf = (paths: readonly string[]): readonly string[] =>
  [...new Set(paths.map(above).reverse())].filter((path) => path !== '').slice(0, MOST_SHOWN);

/** Folders of recently opened entries, from the engine's lists. */
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
