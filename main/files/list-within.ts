import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { fileErrorCode } from './file-errors.ts';
import { type FolderEntry, type ListedFolder, listFolder } from './list-folder.ts';
import { explainReadError } from './regular-file.ts';

const isWithin = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** The real path; null for a dangling link or a missing path. */
const target = (path: string): Promise<string | null> =>
  realpath(path).catch((error: unknown) => {
    if (fileErrorCode(error) === null) throw error;
    return null;
  });

const outsideRoots = (path: string): Error =>
  refuse(
    'outside-roots',
    `${path} lies outside the folders that may be listed here.`,
    'Start "uncurl serve" with --root and a folder above it.',
  );

/** A typed path within the roots: the folder to list, and the file in it if a file was typed. */
export interface TypedPath {
  readonly folder: string;
  readonly file: string | null;
}

/**
 * Resolves a typed path: absolute, or relative to the home by `~`. Refuses paths outside the roots before accessing
 * them, so that nobody can find out what else exists.
 *
 * @throws WorkbenchError `bad-path`, `outside-roots`, and for a missing path `no-such-folder`.
 */
export const readTypedPath = async (roots: readonly string[], typed: string, home: string): Promise<TypedPath> => {
  const written = typed.trim().replace(/^~(?=$|[\\/])/, home);
  if (!isAbsolute(written) || written.includes('\0'))
    throw refuse('bad-path', `"${typed}" is not an absolute path.`, 'Type it from the root, or from ~.');
  const path = resolve(written);
  const isInside = (tested: string): boolean => roots.some((root) => isWithin(tested, root));
  if (!isInside(path)) throw outsideRoots(path);
  const real = await target(path);
  if (real === null) throw refuse('no-such-folder', `${path} does not exist.`, 'Check the path.');
  if (!isInside(real)) throw outsideRoots(path);
  return (await stat(real)).isDirectory() ? { folder: real, file: null } : { folder: dirname(real), file: real };
};

/**
 * Lists a folder within one of the `roots` (real paths). Links out of them are left out, and the parent of a root is
 * not revealed.
 *
 * @throws WorkbenchError `outside-roots`, and those of `listFolder`.
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
