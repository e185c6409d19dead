import { readdir, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { fileErrorCode } from './file-errors.ts';
import { explainReadError, openRegularFile } from './regular-file.ts';
import { isGgufPath } from './gguf-path.ts';

export type FolderEntryKind = 'folder' | 'model' | 'task' | 'file';

/** Suffixes of files that are tasks, whatever their items: `tasks/README.md` lists the formats. */
const TASK_ENDINGS = ['.jsonl', '.parquet', '.txt', '.task.json'];
/** A document of lm-evaluation-harness names its task at the top level, within this many bytes. */
const HARNESS_KEY = /^task\s*:/m;
const LOOKED_AT_BYTES = 65_536;

const isYaml = (name: string): boolean => ['.yaml', '.yml'].includes(extname(name).toLowerCase());

const isHarnessDocument = async (file: string): Promise<boolean> => {
  const { handle } = await openRegularFile(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOOKED_AT_BYTES), 0, LOOKED_AT_BYTES, 0);
    return HARNESS_KEY.test(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await handle.close();
  }
};

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
  if (has('config.json') && names.some((name) => name.endsWith('.safetensors'))) return 'model';
  if (has('task.json')) return has('test.jsonl') || has('test.parquet') ? 'task' : 'folder';
  const [document, another] = names.filter(isYaml);
  if (document !== undefined && another === undefined && (await kindOfFile(join(path, document))) === 'task')
    return 'task';
  return has('train.jsonl', 'val.jsonl') || has('train.txt', 'test.txt') ? 'task' : 'folder';
};

export interface FolderEntry {
  readonly path: string;
  readonly name: string;
  /** Guessed from names: opening a model or task may still refuse it. */
  readonly kind: FolderEntryKind;
  readonly isFolder: boolean;
}
export interface ListedFolder {
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
