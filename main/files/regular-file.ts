import { AsyncLocalStorage } from 'node:async_hooks';
import { type BigIntStats, constants, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { explainLack, isSystemError } from './file-errors.ts';

/** Time limit for reading a file: a disk at 20 MB/s reads the largest allowed one in less. */
export const READ_DEADLINE_MS = 60_000;

const kindOf = (stats: BigIntStats): string => {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
};

/** Windows has neither the flag nor files whose opening blocks. */
const WITHOUT_WAITING = process.platform === 'win32' ? 0 : constants.O_NONBLOCK;

/** Identifies a file's state without reading it. A change that keeps size and mtime still moves ctime. */
export const fileState = ({ size, mtimeMs, ctimeMs, ino }: Stats): string =>
  [size, mtimeMs, ctimeMs, ino].map(String).join(' ');

/** Files opened within a `readUnchanged`, with their states; null: a file that was opened twice and changed. */
const opened = new AsyncLocalStorage<Map<string, string | null>>();

const exactState = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string =>
  [size, mtimeNs, ctimeNs, ino].map(String).join(' ');

const noteOpened = (file: string, stats: BigIntStats): void => {
  const seen = opened.getStore();
  if (seen === undefined) return;
  const before = seen.get(file);
  seen.set(file, before === undefined || before === exactState(stats) ? exactState(stats) : null);
};

/**
 * Runs `read`, and checks that all files that it opened are the same at its end, so that nothing mixes two states.
 * Growing files (logs) must not be read this way. `read` gets a function that lists the files opened so far.
 *
 * @throws WorkbenchError refused: `changed-while-read`.
 */
export const readUnchanged = async <T>(read: (files: () => readonly string[]) => Promise<T>): Promise<T> => {
  const seen = new Map<string, string | null>();
  const made = await opened.run(seen, () => read(() => [...seen.keys()]));
  for (const [file, state] of seen) {
    const now = await stat(file, { bigint: true }).then(exactState, (error: unknown) => {
      if (isSystemError(error)) return null;
      throw error;
    });
    if (state === null || now !== state)
      throw refuse(
        'changed-while-read',
        `${file} was changed while it was read.`,
        'Try again once nothing writes to it.',
      );
  }
  return made;
};

/** Runs `read` within a `readUnchanged` without noting the files that it opens: they may change. */
export const readApart = <T>(read: () => Promise<T>): Promise<T> => opened.run(new Map(), read);

/**
 * Opens a regular file for reading and follows links. Never blocks, as opening a pipe would.
 *
 * @throws WorkbenchError `not-a-file` for a folder, pipe, socket or device; the system's errors unchanged.
 */
export const openRegularFile = async (
  file: string,
): Promise<{ handle: FileHandle; sizeBytes: number; stats: BigIntStats }> => {
  if (file.includes('\0'))
    throw refuse('not-a-file', `${JSON.stringify(file)} is not a file name.`, 'Remove the NUL character.');
  const handle = await open(file, constants.O_RDONLY | WITHOUT_WAITING);
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) {
      noteOpened(file, stats);
      return { handle, sizeBytes: Number(stats.size), stats };
    }
    throw refuse('not-a-file', `${file} is ${kindOf(stats)}, not a regular file.`, 'Put a regular file there.');
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** The same with system errors explained. */
export const openToRead = (file: string): Promise<{ handle: FileHandle; sizeBytes: number }> =>
  explainingReads(file, () => openRegularFile(file));

/** What `work` makes of an opened file, which is closed at its end. */
export const whileOpen = async <Opened extends { readonly handle: FileHandle }, T>(
  opening: Promise<Opened>,
  work: (opened: Opened) => Promise<T> | T,
): Promise<T> => {
  const opened = await opening;
  try {
    return await work(opened);
  } finally {
    await opened.handle.close();
  }
};

/** Limit for one read call: Node refuses reads of 2 GiB and more. */
const MAX_READ_BYTES = 2 ** 30;

/** Fills the buffer from a position of a file, and returns what was filled: fewer bytes only at its end. */
export const readFully = async <B extends Uint8Array>(handle: FileHandle, buffer: B, position: number): Promise<B> => {
  let done = 0;
  while (done < buffer.length) {
    const length = Math.min(MAX_READ_BYTES, buffer.length - done);
    const { bytesRead } = await handle.read(buffer, done, length, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done) as B;
};

const readWhole = async (handle: FileHandle, sizeBytes: number, until: number): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let done = 0;
  while (done < sizeBytes && performance.now() < until) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(2 ** 24, sizeBytes - done), done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
};

export interface ReadLimits {
  readonly mostBytes: number;
  readonly deadlineMs?: number;
}

/**
 * Reads the bytes of a regular file of at most `mostBytes` within the deadline.
 *
 * @throws WorkbenchError `not-a-file`, `file-too-large`, `read-too-slow`; the system's errors unchanged, since the
 * caller decides what a missing file means.
 */
export const readRegularFile = (
  file: string,
  { mostBytes, deadlineMs = READ_DEADLINE_MS }: ReadLimits,
): Promise<Buffer> =>
  whileOpen(openRegularFile(file), async ({ handle, sizeBytes }) => {
    if (sizeBytes > mostBytes)
      throw refuse(
        'file-too-large',
        `${file} has ${sizeBytes} bytes: too large for its kind (limit ${mostBytes}).`,
        'Choose another file.',
      );
    const until = performance.now() + deadlineMs;
    const bytes = await readWhole(handle, sizeBytes, until);
    if (performance.now() < until) return bytes;
    throw refuse(
      'read-too-slow',
      `${file} gave ${bytes.length} of ${sizeBytes} bytes in ${deadlineMs / 1000} s.`,
      'Copy it to a faster disk.',
    );
  });

/** What `look` finds in a file or folder; null if there is none. Other system errors are explained. */
export const ifReadable = async <T>(file: string, look: () => Promise<T>): Promise<T | null> => {
  try {
    return await look();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    throw explainReadError(error, file);
  }
};

/** The same as `readRegularFile`; null if there is no such file. */
export const readBytesIfThere = (file: string, limits: ReadLimits): Promise<Buffer | null> =>
  ifReadable(file, () => readRegularFile(file, limits));

/** The same as UTF-8 text. */
export const readTextIfThere = async (file: string, limits: ReadLimits): Promise<string | null> =>
  (await readBytesIfThere(file, limits))?.toString('utf8') ?? null;

/** Names in a folder; none where nothing is there, or (`orFile`) a file. */
export const namesIn = async (folder: string, orFile = false): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT') || (orFile && isSystemError(error, 'ENOTDIR'))) return [];
    if (isSystemError(error, 'ENOTDIR'))
      throw refuse(
        'not-a-folder',
        `${folder} is no folder: it, or a part of its path, is a file.`,
        'Move that file away.',
        error,
      );
    throw explainReadError(error, folder);
  }
};

/** Whether an error says that a file could not be read, which says nothing about what it holds. */
export const isUnread = (error: unknown): boolean =>
  error instanceof WorkbenchError && ['not-readable', 'read-too-slow'].includes(error.code);

/** The bytes of a file that must exist. @throws WorkbenchError `missing-file`, and those of `readRegularFile`. */
export const readBytes = (file: string, limits: ReadLimits): Promise<Buffer> =>
  explainingReads(file, () => readRegularFile(file, limits));

/** The same as UTF-8 text. */
export const readText = async (file: string, limits: ReadLimits): Promise<string> =>
  (await readBytes(file, limits)).toString('utf8');

/** Explains a system error about reading a file and gives a remedy; returns other errors unchanged. */
export const explainReadError = (error: unknown, file: string): unknown => {
  if (!isSystemError(error)) return error;
  const lack = explainLack(error, file);
  if (lack !== null) return lack;
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return refuse('missing-file', `${file} does not exist.`, 'Check the path.', error);
    case 'EACCES':
    case 'EPERM':
      return refuse(
        'not-readable',
        `${file} cannot be read: permission denied.`,
        "Check the file's permissions.",
        error,
      );
    case 'EISDIR':
      return refuse('not-a-file', `${file} is a folder, not a file.`, 'Put a regular file there.', error);
    case 'ENXIO':
      return refuse('not-a-file', `${file} is a pipe or socket, not a file.`, 'Put a regular file there.', error);
    case 'ELOOP':
      return refuse('not-a-file', `${file} is a circular link.`, 'Put a regular file there.', error);
    case 'ENAMETOOLONG':
      return refuse('name-too-long', `${file} is too long for this file system.`, 'Choose a shorter name.', error);
    default:
      return refuse('not-readable', `${file} cannot be read: ${error.message}.`, 'Check its disk.', error);
  }
};

/** Runs `work` and explains system errors, naming the file of the error, or `file`. */
export const explainingReads = async <T>(file: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw explainReadError(error, 'path' in error && typeof error.path === 'string' ? error.path : file);
  }
};
