import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { createTurns } from '../files/in-turn.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';

/**
 * Folders of the tasks that come with the workbench, by folder name (which is the task's name): `resources/tasks/*`.
 */
export const bundledTasks = (resources: string): Promise<ReadonlyMap<string, string>> =>
  foldersIn(join(resources, 'tasks'), 'task.json');

/** Folders of the models that come with the workbench, by folder name: `resources/models/*` with a config.json. */
export const bundledModels = (resources: string): Promise<ReadonlyMap<string, string>> =>
  foldersIn(join(resources, 'models'), 'config.json');

const foldersIn = async (folder: string, mark: string): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>();
  for (const name of await namesIn(folder)) {
    if ((await namesIn(join(folder, name))).includes(mark)) found.set(name, join(folder, name));
  }
  return found;
};

/**
 * Names in a folder, sorted, numbers by their size; none where there is no such folder (a file, or a package without
 * this resource).
 */
const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return (await readdir(folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
};

const MARK = 'bundled:';

/**
 * The path of a model or task as a manifest records it: by name where it comes with the workbench, so that it is found
 * on any machine.
 */
export const recordedPath = (path: string, bundled: ReadonlyMap<string, string>): string => {
  const name = [...bundled].find(([, folder]) => folder === path)?.[0];
  return name === undefined ? path : `${MARK}${name}`;
};

/** The path that a manifest means; refuses the name of something that this workbench does not bring. */
export const actualPath = (recorded: string, bundled: ReadonlyMap<string, string>): string => {
  if (!recorded.startsWith(MARK)) return recorded;
  const path = bundled.get(recorded.slice(MARK.length));
  if (path !== undefined) return path;
  throw refuse(
    'not-bundled',
    `${recorded.slice(MARK.length)} does not come with this version of the workbench.`,
    'Use the version that made the run, or start a new run.',
  );
};

/** Of the list: a path is some hundred bytes. */
const MAX_LIBRARY_BYTES = 16 * 2 ** 20;

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
  const inTurn = createTurns();

  const read = async (): Promise<LibraryFile> => {
    const text = await readTextIfThere(file, { mostBytes: MAX_LIBRARY_BYTES });
    if (text === null) return { models: [], tasks: [], hashes: {} };
    try {
      return libraryFile.parse(JSON.parse(text));
    } catch (cause) {
      throw new WorkbenchError(
        'library-damaged',
        'failed',
        `${file} is no list of models and tasks.`,
        'Repair or delete the file: only the list is lost.',
        { cause },
      );
    }
  };

  /** One change after another, each on what is on disk by then; hashes of forgotten paths go. */
  const change = (
    edit: (before: LibraryFile) => LibraryFile,
  ): Promise<{ readonly before: LibraryFile; readonly after: LibraryFile }> =>
    inTurn(async () => {
      const before = await read();
      const edited = edit(before);
      const paths = new Set([...edited.models, ...edited.tasks]);
      const after = {
        ...edited,
        hashes: Object.fromEntries(Object.entries(edited.hashes).filter(([path]) => paths.has(path))),
      };
      if (JSON.stringify(after) !== JSON.stringify(before))
        await writeFileAtomically(file, `${JSON.stringify(after, null, 2)}\n`, temporaryFolder);
      return { before, after };
    });

  const withHash = (library: LibraryFile, path: string, hash: string): LibraryFile => ({
    ...library,
    hashes: { ...library.hashes, [path]: hash },
  });

  return {
    list: async (shelf) => {
      const { hashes, ...shelves } = await read();
      return shelves[shelf].map((path) => ({ path, hash: hashes[path] ?? null }));
    },
    add: async (shelf, path, hash) => {
      const { before } = await change((library) =>
        withHash(
          library[shelf].includes(path) ? library : { ...library, [shelf]: [...library[shelf], path] },
          path,
          hash,
        ),
      );
      return !before[shelf].includes(path);
    },
    see: async (shelf, entries) => {
      const { hashes } = await read();
      if (entries.every(({ path, hash }) => hashes[path] === hash)) return;
      await change((library) =>
        entries
          .filter(({ path }) => library[shelf].includes(path))
          .reduce((seen, { path, hash }) => withHash(seen, path, hash), library),
      );
    },
    move: async (shelf, from, to, hash) => {
      await change((library) =>
        withHash(
          { ...library, [shelf]: [...new Set(library[shelf].map((path) => (path === from ? to : path)))] },
          to,
          hash,
        ),
      );
    },
    remove: async (shelf, path) => {
      const { before } = await change((library) => ({
        ...library,
        [shelf]: library[shelf].filter((other) => other !== path),
      }));
      return before[shelf].includes(path);
    },
  };
};
