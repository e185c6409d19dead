import { lstat, realpath } from 'node:fs/promises';
import { isSystemError } from './file-errors.ts';

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
