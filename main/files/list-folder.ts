import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, resolve, sep } from 'node:path';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { fileErrorCode, ifThere } from './file-errors.ts';
import { explainReadError, openRegularFile, whileOpen } from './regular-file.ts';

export type FolderEntryKind = 'folder' | 'model' | 'task' | 'file';

/** Suffixes of files that are tasks, whatever their items: `tasks/README.md` lists the formats. */
const TASK_ENDINGS = ['.jsonl', '.parquet', '.txt', '.task.json'];
/** A document of lm-evaluation-harness names its task at the top level, within this many bytes. */
const HARNESS_KEY = /^task\s*:/m;
const LOOKED_AT_BYTES = 65_536;

const isYaml = (name: string): boolean => ['.yaml', '.yml'].includes(extname(name).toLowerCase());

const isHarnessDocument = (file: string): Promise<boolean> =>
  whileOpen(openRegularFile(file), async ({ handle }) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOOKED_AT_BYTES), 0, LOOKED_AT_BYTES, 0);
    return HARNESS_KEY.test(buffer.toString('utf8', 0, bytesRead));
  });

/**
 * The kind of a file by its suffix (.gguf is a model); of a YAML file by its content, since most are something else.
 */
export const kindOfFile = async (path: string): Promise<'model' | 'task' | 'file'> => {
  if (isGgufPath(path)) return 'model';
  if (TASK_ENDINGS.some((ending) => path.toLowerCase().endsWith(ending))) return 'task';
  if (!isYaml(path)) return 'file';
  try {
    return (await isHarnessDocument(path)) ? 'task' : 'file';
  } catch (error) {
    // Unreadable or already gone: listed as a plain file.
    if (fileErrorCode(error) !== null || error instanceof WorkbenchError) return 'file';
    throw error;
  }
};

/**
 * The kind of a folder by the names in it: config.json + safetensors is a model; the forms of a task are those that can
 * be opened.
 */
export const kindOfFolder = async (path: string): Promise<'folder' | 'model' | 'task'> => {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    // Unreadable or already gone: listed as a plain folder.
    if (fileErrorCode(error) !== null) return 'folder';
    throw error;
  }
  const has = (...wanted: readonly string[]): boolean => wanted.every((name) => names.includes(name));
  // A repository in a Hugging Face cache stands for its snapshot.
  if (/^models--./.test(basename(path)) && has('snapshots')) return 'model';
  if (has('config.json') && names.some((name) => name.endsWith('.safetensors'))) return 'model';
  if (has('task.json')) return has('test.jsonl') || has('test.parquet') ? 'task' : 'folder';
  const [document, another] = names.filter(isYaml);
  if (document !== undefined && another === undefined && (await kindOfFile(join(path, document))) === 'task')
    return 'task';
  return has('train.jsonl', 'val.jsonl') || has('train.txt', 'test.txt') ? 'task' : 'folder';
};

interface FolderEntry {
  readonly path: string;
  readonly name: string;
  /** Guessed from names: opening a model or task may still refuse it. */
  readonly kind: FolderEntryKind;
  readonly isFolder: boolean;
}
interface ListedFolder {
  readonly path: string;
  readonly parent: string | null;
  readonly entries: readonly FolderEntry[];
}

/** Longer lists are cut: nobody chooses from them. */
const MAX_ENTRIES = 5_000;
/** Number of folders read at a time. */
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

/** A folder's entries (without hidden ones unless requested): folders first, then files, each by name. */
export const listFolder = async (path: string, hidden = false): Promise<ListedFolder> => {
  let names: string[];
  try {
    names = (await readdir(path))
      .filter((name) => hidden || !name.startsWith('.'))
      .sort()
      .slice(0, MAX_ENTRIES);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT')
      throw refuse('no-such-folder', `${path} does not exist.`, 'Choose another folder.', error);
    if (fileErrorCode(error) === 'EACCES')
      throw refuse('not-readable', `${path} may not be read.`, 'Choose another folder.', error);
    throw explainReadError(error, path);
  }
  const entries: FolderEntry[] = [];
  for (let start = 0; start < names.length; start += CONCURRENCY) {
    const found = await Promise.all(names.slice(start, start + CONCURRENCY).map((name) => entryOf(path, name)));
    for (const entry of found) if (entry !== null) entries.push(entry);
  }
  entries.sort((a, b) => Number(b.isFolder) - Number(a.isFolder));
  const parent = dirname(path);
  return { path, parent: parent === path ? null : parent, entries };
};

/** Whether a model's path is that of a GGUF file rather than of a folder. */
export const isGgufPath = (model: string): boolean => model.toLowerCase().endsWith('.gguf');

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
    // Another process works in the folder too, so files may vanish.
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
