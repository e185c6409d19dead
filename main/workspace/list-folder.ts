import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from './file-errors.ts';
import { kindOfFile, kindOfFolder, type FolderEntryKind } from './list-folder-kinds.ts';

export interface FolderEntry {
  readonly path: string;
  readonly name: string;
  /** A model or task is what its names say: opening it may still refuse it. */
  readonly kind: FolderEntryKind;
  readonly isFolder: boolean;
}
export interface ListedFolder {
  readonly path: string;
  readonly parent: string | null;
  readonly entries: readonly FolderEntry[];
}

/** A folder with more entries is cut there: nobody chooses from a longer list. */
const MAX_ENTRIES = 5_000;
/** Folders looked into at a time. */
const CONCURRENCY = 16;

const entryOf = async (folder: string, name: string): Promise<FolderEntry | null> => {
  const path = join(folder, name);
  try {
    const isFolder = (await stat(path)).isDirectory();
    return { path, name, kind: await (isFolder ? kindOfFolder(path) : kindOfFile(path)), isFolder };
  } catch (error) {
    // A dangling link, or a file removed meanwhile.
    if (fileErrorCode(error) !== null) return null;
    throw error;
  }
};

/** A folder's entries (hidden ones left out): folders first, then files, each by name. */
export const listFolder = async (path: string): Promise<ListedFolder> => {
  let names: string[];
  try {
    names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort().slice(0, MAX_ENTRIES);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') throw refuse('no-such-folder', `${path} does not exist.`, 'Choose another folder.', error);
    if (fileErrorCode(error) === 'EACCES') throw refuse('not-readable', `${path} may not be read.`, 'Choose another folder.', error);
    throw explainFileError(error, path);
  }
  const entries: FolderEntry[] = [];
  for (let start = 0; start < names.length; start += CONCURRENCY) {
    const found = await Promise.all(names.slice(start, start + CONCURRENCY).map((name) => entryOf(path, name)));
    entries.push(...found.filter((entry) => entry !== null));
  }
  entries.sort((a, b) => Number(b.isFolder) - Number(a.isFolder));
  const parent = dirname(path);
  return { path, parent: parent === path ? null : parent, entries };
};
