import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
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

const outsideRoots = (path: string): Error =>
  refuse(
    'outside-roots',
    `${path} lies outside the folders that may be looked into here.`,
    'Start "uncurl serve" with --root and a folder above it.',
  );

/** A path that somebody typed, within the roots: the folder to list, and the file in it where a file was typed. */
export interface TypedPath {
  readonly folder: string;
  readonly file: string | null;
}

/**
 * What was typed: absolute, or from the home by `~`. What does not begin with a root is refused before anything is
 * looked at, so that nobody can ask what else there is.
 *
 * @throws WorkbenchError `bad-path`, `outside-roots`, and where there is nothing `no-such-folder`.
 */
export const readTypedPath = async (roots: readonly string[], typed: string, home: string): Promise<TypedPath> => {
  const written = typed.trim().replace(/^~(?=$|[\\/])/, home);
  if (!isAbsolute(written) || written.includes('\0'))
    throw refuse('bad-path', `"${typed}" is no absolute path.`, 'Type it from the root, or from ~.');
  const path = resolve(written);
  const isInside = (tested: string): boolean => roots.some((root) => isWithin(tested, root));
  if (!isInside(path)) throw outsideRoots(path);
  const real = await target(path);
  if (real === null) throw refuse('no-such-folder', `${path} does not exist.`, 'Check the path.');
  if (!isInside(real)) throw outsideRoots(path);
  return (await stat(real)).isDirectory() ? { folder: real, file: null } : { folder: dirname(real), file: real };
};

/**
 * A folder's entries, of a folder within one of the `roots` (real paths). Links that lead out of them are left out, and
 * the folder above a root is not told.
 *
 * @throws WorkbenchError `outside-roots`, and as `listFolder`.
 */
export const listWithin = async (roots: readonly string[], path: string, hidden = false): Promise<ListedFolder> => {
  const isInside = (tested: string): boolean => roots.some((root) => isWithin(tested, root));
  const real = await realpath(path).catch((error: unknown) => {
    throw explainReadError(error, path);
  });
  if (!isInside(real)) throw outsideRoots(path);
  const { parent, entries } = await listFolder(real, hidden);
  const inside: FolderEntry[] = [];
  for (const entry of entries) {
    const destination = await target(entry.path);
    if (destination !== null && isInside(destination)) inside.push(entry);
  }
  return { path: real, parent: parent !== null && isInside(parent) ? parent : null, entries: inside };
};
