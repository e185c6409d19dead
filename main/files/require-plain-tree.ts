import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { fileErrorCode } from './file-errors.ts';

/** Another process works in the folder too, so files may vanish. */
const ifThere = async <T>(look: () => Promise<T>): Promise<T | null> => {
  try {
    return await look();
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
};

/**
 * Refuses a folder that contains a link or a file with a second name (hard link): writing to it would change a file
 * elsewhere.
 *
 * @throws WorkbenchError refused: `leads-out`.
 */
export const requirePlainTree = async (folder: string): Promise<void> => {
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const path = next;
    const facts = await ifThere(() => lstat(path));
    if (facts === null) continue;
    if (facts.isDirectory()) {
      for (const name of (await ifThere(() => readdir(path))) ?? []) open.push(join(path, name));
      continue;
    }
    if (facts.isFile() && facts.nlink <= 1) continue;
    const what = facts.isSymbolicLink()
      ? 'a link'
      : facts.isFile()
        ? 'a file with a second name'
        : 'not a regular file';
    throw refuse(
      'leads-out',
      `${path} is ${what}: writing to it would change a file elsewhere.`,
      'Remove it, or put a copy of the file in its place, and try again.',
    );
  }
};
