import { lstat, readdir, realpath, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorCode, isSystemError } from './file-errors.ts';
import { fileState } from './regular-file.ts';

/** A dangling link stays the same as long as it is dangling. */
const stateIfReadable = (file: string): Promise<string> =>
  stat(file).then(fileState, (error: unknown) => {
    const code = fileErrorCode(error);
    if (code === null) throw error;
    return code;
  });

/** Names, sizes and times of a folder's files (or of a file): while this is unchanged, so is the content. */
export const pathSignature = async (path: string): Promise<string> => {
  try {
    const state = await stat(path);
    if (!state.isDirectory()) return fileState(state);
    const names = (await readdir(path)).sort();
    const parts = await Promise.all(
      names.map(async (name) => {
        return `${name} ${await stateIfReadable(join(path, name))}`;
      }),
    );
    return parts.join('\n');
  } catch (error) {
    // Missing or unreadable: opening will report it, and the next attempt must try again.
    if (fileErrorCode(error) !== null) return `unreadable ${Math.random()}`;
    throw error;
  }
};

/** Free bytes of the file system of a folder; null where it does not say, with 0 blocks. */
export const freeBytes = async (folder: string): Promise<number | null> => {
  const { bavail, blocks, bsize } = await statfs(folder);
  return blocks === 0 ? null : bavail * bsize;
};

/** Total size of the files in a folder. */
export const folderBytes = async (folder: string): Promise<number> => {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** The same; 0 if it cannot be read, which the reading reports. */
export const bytesIn = async (folder: string): Promise<number> => {
  try {
    return await folderBytes(folder);
  } catch (error) {
    if (fileErrorCode(error) === null) throw error;
    return 0;
  }
};

/**
 * Caches the result of `load` for a path until its files change, or those of the `further` paths from which it is read.
 * Failures are not cached.
 */
export const createPathCache = <T>(
  load: (path: string) => Promise<T>,
  further: (path: string) => Promise<readonly string[]> = () => Promise.resolve([]),
): ((path: string) => Promise<T>) => {
  const cache = new Map<string, { readonly signature: string; readonly value: Promise<T> }>();
  return async (path) => {
    const signatures = await Promise.all([path, ...(await further(path))].map(pathSignature));
    const signature = signatures.join('\n\n');
    const known = cache.get(path);
    if (known?.signature === signature) return known.value;
    const value = load(path);
    cache.set(path, { signature, value });
    try {
      return await value;
    } catch (error) {
      cache.delete(path);
      throw error;
    }
  };
};

/**
 * Identifies the folder at a path: its real path, its inode, and its creation time (inodes are reused; file systems
 * without creation times report 0). A copy is another folder. Null: there is none, or a link in its place.
 */
export const folderIdentity = async (
  path: string,
): Promise<{ readonly path: string; readonly made: string } | null> => {
  try {
    const facts = await lstat(path, { bigint: true });
    if (!facts.isDirectory()) return null;
    return { path: await realpath(path), made: `${String(facts.ino)} ${String(facts.birthtimeNs)}` };
  } catch (error) {
    if (isSystemError(error, 'ENOENT') || isSystemError(error, 'ENOTDIR')) return null;
    throw error;
  }
};
