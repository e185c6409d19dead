import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainFileError, makeFolder } from './file-errors.ts';

/**
 * Identifies the writer in names of temporary files: processes of two machines that share a disk, or of two containers,
 * may have the same process id.
 */
export const temporaryWriter = `${process.pid}-${randomBytes(4).toString('hex')}`;

/** A name beside `path` that no other writer uses; hidden, so that listings skip it. */
export const temporaryNameFor = (path: string, folder = dirname(path)): string =>
  join(folder, `.${basename(path)}.${temporaryWriter}${randomBytes(4).toString('hex')}.tmp`);

/** The writer in a name made by `temporaryNameFor`; null for any other name. */
export const writerOfTemporary = (name: string): string | null =>
  /^\..*\.(\d{1,10}-[0-9a-f]{8})[0-9a-f]{8}\.tmp$/.exec(name)?.[1] ?? null;

/** Writes to an opened file, makes it survive a power failure, and closes it. */
export const flushed = async <T>(
  opening: Promise<FileHandle>,
  write: (handle: FileHandle) => Promise<T>,
): Promise<T> => {
  const handle = await opening;
  try {
    const result = await write(handle);
    await handle.sync();
    return result;
  } finally {
    await handle.close();
  }
};

const nothing = (): Promise<void> => Promise.resolve();

/** Makes what was written to a file survive a power failure. */
export const syncFile = (path: string): Promise<void> => flushed(open(path, 'r+'), nothing);

/** Flushes a finished temporary file and renames it: readers see the old file or the complete new one. */
export const publishFile = async (temporary: string, path: string): Promise<void> => {
  await syncFile(temporary);
  await rename(temporary, path);
  // So that the rename survives a power failure. Windows cannot open folders and does not need it.
  const folder = dirname(path);
  if (process.platform !== 'win32') await flushed(open(folder, 'r'), nothing);
};

/**
 * Lets `write` fill a temporary file, then publishes it at `path`. Leaves nothing behind on failure. `temporaryFolder`
 * must lie on the same file system (default: the file's own folder).
 */
export const produceFileAtomically = async (
  path: string,
  write: (temporary: string) => Promise<void>,
  temporaryFolder?: string,
): Promise<void> => {
  const temporary = temporaryNameFor(path, temporaryFolder);
  await makeFolder(dirname(path));
  try {
    await write(temporary);
    await publishFile(temporary, path);
  } catch (error) {
    // The original error is reported, not a failure to clean up.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explainFileError(error, path);
  }
};

/** Writes a whole file at once: temporary name, fsync, rename, fsync of the folder. */
export const writeFileAtomically = (path: string, data: string | Uint8Array, temporaryFolder?: string): Promise<void> =>
  produceFileAtomically(
    path,
    async (temporary) => {
      const handle = await open(temporary, 'wx');
      try {
        await handle.writeFile(data);
      } finally {
        await handle.close();
      }
    },
    temporaryFolder,
  );

/** Runs a task once all earlier tasks have ended, successfully or not; returns its result. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** For functions that read, change and write the same file: run at once, each would lose the other's change. */
export const createTurns = (): InTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    // The caller gets the error; the next task runs all the same.
    last = result.catch(() => undefined);
    return result;
  };
};
