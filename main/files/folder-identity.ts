import { lstat, realpath } from 'node:fs/promises';
import { isSystemError } from './file-errors.ts';

/**
 * Which folder lies at a path: its real path, its number, and when it was made (a number is given again once a folder is
 * gone; file systems that do not tell the time say 0). A copy is another folder, wherever it lies. Null: there is none,
 * or a link in its place.
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
