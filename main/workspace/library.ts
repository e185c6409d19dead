import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from './file-errors.ts';
import { writeFileAtomically } from './write-atomically.ts';

const libraryFile = z.object({ models: z.array(z.string()), tasks: z.array(z.string()) });
export type LibraryShelf = keyof z.infer<typeof libraryFile>;

/** The models and tasks that a workspace remembers, by path, in the order they were added: `library.json`. */
export interface Library {
  list(shelf: LibraryShelf): Promise<readonly string[]>;
  /** False where the path was already there. */
  add(shelf: LibraryShelf, path: string): Promise<boolean>;
  remove(shelf: LibraryShelf, path: string): Promise<boolean>;
}

export const createLibrary = (workspace: string, temporaryFolder: string): Library => {
  const file = join(workspace, 'library.json');
  let last: Promise<unknown> = Promise.resolve();

  const read = async (): Promise<z.infer<typeof libraryFile>> => {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return { models: [], tasks: [] };
      throw explainFileError(error, file);
    }
    try {
      return libraryFile.parse(JSON.parse(text));
    } catch (cause) {
      throw new WorkbenchError('library-damaged', 'failed', `${file} is no list of models and tasks.`, 'Repair or delete the file: only the list is lost.', { cause });
    }
  };

  /** One change after another, each on what is on disk by then. */
  const change = (shelf: LibraryShelf, edit: (paths: readonly string[]) => readonly string[]): Promise<boolean> => {
    const next = last.then(async () => {
      const before = await read();
      const paths = edit(before[shelf]);
      if (paths === before[shelf]) return false;
      await writeFileAtomically(file, `${JSON.stringify({ ...before, [shelf]: paths }, null, 2)}\n`, temporaryFolder);
      return true;
    });
    last = next.catch(() => undefined);
    return next;
  };

  return {
    list: async (shelf) => (await read())[shelf],
    add: (shelf, path) => change(shelf, (paths) => (paths.includes(path) ? paths : [...paths, path])),
    remove: (shelf, path) => change(shelf, (paths) => (paths.includes(path) ? paths.filter((other) => other !== path) : paths)),
  };
};
