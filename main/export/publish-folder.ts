import { randomBytes } from 'node:crypto';
import { lstat, mkdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { refuse } from '../contract/errors.ts';
import { fileErrorCode } from '../workspace/file-errors.ts';

const taken = (destination: string, cause?: unknown): Error =>
  refuse('destination-exists', `${destination} exists already, and an export never overwrites.`, 'Choose another name, or remove it first.', cause);

/** A name for the unfinished folder: hidden, beside the destination, so that a rename moves no bytes. */
export const unfinishedName = (destination: string): string =>
  path.join(path.dirname(destination), `.${path.basename(destination)}.part-${randomBytes(6).toString('hex')}`);

/** Refuses a destination that is there, even as a broken link. */
export const requireAbsent = async (destination: string): Promise<void> => {
  const exists = await lstat(destination).then(
    () => true,
    (error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  if (exists) throw taken(destination);
};

/**
 * Gives a finished folder its name, unless something has taken the name meanwhile. A rename would replace an empty
 * folder, so on POSIX systems the name is claimed first by making it, which only one process can.
 */
export const publishFolder = async (unfinished: string, destination: string): Promise<void> => {
  if (process.platform === 'win32') {
    await rename(unfinished, destination).catch((error: unknown) => {
      throw fileErrorCode(error) === 'EEXIST' || fileErrorCode(error) === 'EPERM' ? taken(destination, error) : error;
    });
    return;
  }
  await mkdir(destination).catch((error: unknown) => {
    throw fileErrorCode(error) === 'EEXIST' ? taken(destination, error) : error;
  });
  try {
    await rename(unfinished, destination);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOTEMPTY') throw taken(destination, error);
    await rmdir(destination);
    throw error;
  }
};

/** Removes an unfinished folder with all that is in it. */
export const removeUnfinished = (unfinished: string): Promise<void> => rm(unfinished, { recursive: true, force: true });
