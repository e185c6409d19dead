import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { fileErrorCode } from './file-errors.ts';
import { type FolderEntry, type ListedFolder, listFolder } from './list-folder.ts';
import { explainReadError } from './regular-file.ts';

const isWithin = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** Where a path leads, links followed; null where it leads nowhere. */
const target = (path: string): Promise<string | null> =>
  realpath(path).catch((error: unknown) => {
    if (fileErrorCode(error) === null) throw error;
    return null;
  });

/**
 * A folder's entries, of a folder within one of the `roots` (real paths). Links that lead out of them are left out, and
 * the folder above a root is not told.
 *
 * @throws WorkbenchError `outside-roots`, and as `listFolder`.
 */
export const listWithin = async (roots: readonly string[], path: string): Promise<ListedFolder> => {
  const isInside = (place: string): boolean => roots.some((root) => isWithin(place, root));
  const real = await realpath(path).catch((error: unknown) => {
    throw explainReadError(error, path);
  });
  if (!isInside(real))
    throw refuse(
      'outside-roots',
      `${path} lies outside the folders that may be looked into here.`,
      'Start "uncurl serve" with --root and a folder above it.',
    );
  const { parent, entries } = await listFolder(real);
  const inside: FolderEntry[] = [];
  for (const entry of entries) {
    const place = await target(entry.path);
    if (place !== null && isInside(place)) inside.push(entry);
  }
  return { path: real, parent: parent !== null && isInside(parent) ? parent : null, entries: inside };
};
