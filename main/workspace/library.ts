import { join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../contract/bounds.ts';
import { fail, refuse } from '../contract/errors.ts';
import { TWIN_SUFFIX } from '../evaluation/choice-and-writing.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { namesIn, readTextIfThere } from '../files/regular-file.ts';

/** Folders of the bundled tasks by folder name, which is the task's name: `resources/tasks/*`. */
export const bundledTasks = (resources: string): Promise<ReadonlyMap<string, string>> =>
  foldersIn(join(resources, 'tasks'), 'task.json');

/** Bundled tasks that exist with chosen and with written answers: those of the uncurl-* and switch-* models. */
export const pairedTasks = (bundled: Iterable<string>): readonly string[] => {
  const names = [...bundled];
  const written = names.filter((name) => name.endsWith(TWIN_SUFFIX));
  const paired = new Set(written.flatMap((name) => [name, name.slice(0, -TWIN_SUFFIX.length)]));
  return names.filter((name) => paired.has(name));
};

/** Folders of the bundled models by folder name: `resources/models/*` with a config.json. */
export const bundledModels = (resources: string): Promise<ReadonlyMap<string, string>> =>
  foldersIn(join(resources, 'models'), 'config.json');

/** Folders with a file `mark`, by name, with numbers in numeric order. A package may be without the folder. */
const foldersIn = async (folder: string, mark: string): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>();
  for (const name of [...(await namesIn(folder, true))].sort(byNumber.compare)) {
    if ((await namesIn(join(folder, name), true)).includes(mark)) found.set(name, join(folder, name));
  }
  return found;
};

const byNumber = new Intl.Collator('en', { numeric: true });

const MARK = 'bundled:';

/** The path of a model or task as recorded in a manifest: bundled ones by name, to be found on any machine. */
export const recordedPath = (path: string, bundled: ReadonlyMap<string, string>): string => {
  const name = [...bundled].find(([, folder]) => folder === path)?.[0];
  return name === undefined ? path : `${MARK}${name}`;
};

/** The path that a manifest refers to. Refuses bundled names unknown to this version. */
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

/** Limit for the list; a path takes some hundred bytes. */
const MAX_LIBRARY_BYTES = 16 * 2 ** 20;

const libraryFile = z.object({
  models: boundedList(boundedText),
  tasks: boundedList(boundedText),
  /** Hash of the content last seen at a path. */
  hashes: boundedRecord(boundedText, boundedText).default({}),
});
type LibraryFile = z.infer<typeof libraryFile>;
export type LibraryShelf = 'models' | 'tasks';

export interface LibraryEntry {
  readonly path: string;
  /** Fingerprint of the model or hash of the task last seen at the path; null if unknown. */
  readonly hash: string | null;
}

/** The models and tasks that a workspace remembers in `library.json`, by path, in the order of addition. */
export interface Library {
  list(shelf: LibraryShelf): Promise<readonly LibraryEntry[]>;
  /** Adds a path; returns false if it was already there, after updating its hash. Null: not known yet. */
  add(shelf: LibraryShelf, path: string, hash: string | null): Promise<boolean>;
  /** Updates the hashes of remembered paths; ignores others. */
  see(shelf: LibraryShelf, entries: readonly { readonly path: string; readonly hash: string }[]): Promise<void>;
  /** Replaces a remembered path. */
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
      throw fail(
        'library-damaged',
        `${file} is not a list of models and tasks.`,
        'Repair or delete the file: only the list is lost.',
        cause,
      );
    }
  };

  /** Applies changes in turn, each to the file's current content, and drops hashes of forgotten paths. */
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

  const withHash = (library: LibraryFile, path: string, hash: string | null): LibraryFile => {
    const { [path]: _, ...others } = library.hashes;
    return { ...library, hashes: hash === null ? others : { ...library.hashes, [path]: hash } };
  };

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
