import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from './file-errors.ts';
import { writeFileAtomically } from './write-atomically.ts';

const libraryFile = z.object({
  models: z.array(z.string()),
  tasks: z.array(z.string()),
  /** Hash of what was last seen at a path. */
  hashes: z.record(z.string(), z.string()).default({}),
});
type LibraryFile = z.infer<typeof libraryFile>;
export type LibraryShelf = 'models' | 'tasks';

export interface LibraryEntry {
  readonly path: string;
  /** Fingerprint of the model or hash of the task that was last seen there; null where none was. */
  readonly hash: string | null;
}

/** The models and tasks that a workspace remembers, by path, in the order they were added: `library.json`. */
export interface Library {
  list(shelf: LibraryShelf): Promise<readonly LibraryEntry[]>;
  /** Adds what was opened, or notes its hash where the path was already there: then false. */
  add(shelf: LibraryShelf, path: string, hash: string): Promise<boolean>;
  /** Notes what is seen at remembered paths now; others are left out. */
  see(shelf: LibraryShelf, entries: readonly { readonly path: string; readonly hash: string }[]): Promise<void>;
  /** Puts another path in the place of a remembered one. */
  move(shelf: LibraryShelf, from: string, to: string, hash: string): Promise<void>;
  remove(shelf: LibraryShelf, path: string): Promise<boolean>;
}

export const createLibrary = (workspace: string, temporaryFolder: string): Library => {
  const file = join(workspace, 'library.json');
  let last: Promise<unknown> = Promise.resolve();

  const read = async (): Promise<LibraryFile> => {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return { models: [], tasks: [], hashes: {} };
      throw explainFileError(error, file);
    }
    try {
      return libraryFile.parse(JSON.parse(text));
    } catch (cause) {
      throw new WorkbenchError('library-damaged', 'failed', `${file} is no list of models and tasks.`, 'Repair or delete the file: only the list is lost.', { cause });
    }
  };

  /** One change after another, each on what is on disk by then; hashes of forgotten paths go. */
  const change = (edit: (before: LibraryFile) => LibraryFile): Promise<{ readonly before: LibraryFile; readonly after: LibraryFile }> => {
    const next = last.then(async () => {
      const before = await read();
      const edited = edit(before);
      const paths = new Set([...edited.models, ...edited.tasks]);
      const after = { ...edited, hashes: Object.fromEntries(Object.entries(edited.hashes).filter(([path]) => paths.has(path))) };
      if (JSON.stringify(after) !== JSON.stringify(before)) await writeFileAtomically(file, `${JSON.stringify(after, null, 2)}\n`, temporaryFolder);
      return { before, after };
    });
    last = next.catch(() => undefined);
    return next;
  };

  const withHash = (library: LibraryFile, path: string, hash: string): LibraryFile => ({ ...library, hashes: { ...library.hashes, [path]: hash } });

  return {
    list: async (shelf) => {
      const { hashes, ...shelves } = await read();
      return shelves[shelf].map((path) => ({ path, hash: hashes[path] ?? null }));
    },
    add: async (shelf, path, hash) => {
      const { before } = await change((library) => withHash(library[shelf].includes(path) ? library : { ...library, [shelf]: [...library[shelf], path] }, path, hash));
      return !before[shelf].includes(path);
    },
    see: async (shelf, entries) => {
      const { hashes } = await read();
      if (entries.every(({ path, hash }) => hashes[path] === hash)) return;
      await change((library) => entries.filter(({ path }) => library[shelf].includes(path)).reduce((seen, { path, hash }) => withHash(seen, path, hash), library));
    },
    move: async (shelf, from, to, hash) => {
      await change((library) => withHash({ ...library, [shelf]: [...new Set(library[shelf].map((path) => (path === from ? to : path)))] }, to, hash));
    },
    remove: async (shelf, path) => {
      const { before } = await change((library) => ({ ...library, [shelf]: library[shelf].filter((other) => other !== path) }));
      return before[shelf].includes(path);
    },
  };
};
