import { useQuery } from '../../engine/engine-context.tsx';

/** As many as fit in one line. */
const MOST_SHOWN = 4;

/** The last component of a path with either separator. */
export const nameOf = (path: string): string => /[^\\/]+(?=[\\/]*$)/.exec(path)?.[0] ?? path;

const above = (path: string): string => path.replace(/[\\/]+[^\\/]*[\\/]*$/, '');

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`);

/**
 * Parent folders of these paths, latest first, without duplicates; none within the workspace, whose folders for files
 * given to the page are named by hashes.
 */
export const foldersOf = (paths: readonly string[], workspace: string | null): readonly string[] =>
  [...new Set(paths.map(above).reverse())]
    .filter((path) => path !== '' && (workspace === null || !isWithin(path, workspace)))
    .slice(0, MOST_SHOWN);

/** Folders of recently opened entries, from the engine's lists. */
export const useRecentFolders = (target: 'model' | 'task' | 'folder' | 'file'): readonly string[] => {
  const models = useQuery('models.list', {}).data ?? [];
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const workspace = useQuery('engine.facts', {}).data?.workspace ?? null;
  const opened = target === 'task' ? tasks : target === 'file' ? [] : models;
  return foldersOf(
    opened
      .filter(({ bundled }) => !bundled)
      .map((entry) => ('calibrated' in entry && entry.calibrated !== undefined ? entry.calibrated.items : entry.path)),
    workspace,
  );
};
