import { access, lstat, mkdir, stat } from 'node:fs/promises';
import { fail, refuse, WorkbenchError } from '../contract/errors.ts';

/** The system's error codes, not those of Node's own errors (`ERR_...`), which say nothing about a file. */
const hasCode = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code);

/** The system's code of a file error (`ENOENT`, `ENOSPC`, ...), or null for other errors. */
export const fileErrorCode = (error: unknown): string | null => (hasCode(error) ? error.code : null);

/** Whether an error is one of the system's, with this code or any. */
export const isSystemError = (error: unknown, code?: string): error is Error & { readonly code: string } =>
  hasCode(error) && (code === undefined || error.code === code);

/** The error of a lack of open files or memory, which says nothing about the file; null for other errors. */
export const explainLack = (error: unknown, path: string): WorkbenchError | null => {
  switch (fileErrorCode(error)) {
    case 'EMFILE':
    case 'ENFILE':
      return fail(
        'too-many-open-files',
        `${path} could not be opened: too many files are open.`,
        'Raise the limit of open files (for example: ulimit -n 1024) and try again; nothing is wrong with the file.',
        error,
      );
    case 'ENOMEM':
      return fail(
        'no-memory',
        `${path} could not be opened: the system gave no memory for it.`,
        'Close other programs, or lift a limit (ulimit -v), and try again; nothing is wrong with the file.',
        error,
      );
    default:
      return null;
  }
};

/** Explains a system error about a file and gives a remedy; returns other errors unchanged. */
export const explainFileError = (error: unknown, path: string): unknown => {
  if (error instanceof WorkbenchError) return error;
  const lack = explainLack(error, path);
  if (lack !== null) return lack;
  switch (fileErrorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return refuse(
        'disk-full',
        `No space is left to write ${path}.`,
        'Free some space (or raise the quota) and resume: finished work stays on disk.',
        error,
      );
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return refuse(
        'not-writable',
        `${path} cannot be written: permission denied or a read-only file system.`,
        'Choose a folder that you may write to.',
        error,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return refuse('not-a-folder', `A part of ${path} is a file, not a folder.`, 'Choose another folder.', error);
    case 'ENAMETOOLONG':
      return refuse('name-too-long', `${path} is too long for this file system.`, 'Choose a shorter name.', error);
    default:
      return error;
  }
};

/** The result of work on a path, with system errors explained. */
export const explained = async <T>(path: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw explainFileError(error, path);
  }
};

/** What `look` finds; null where there is no such file. */
export const ifThere = async <T>(look: () => Promise<T>): Promise<T | null> => {
  try {
    return await look();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  }
};

/** Whether a path is a readable file. */
export const isFile = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Whether a path is a folder, or a link to one. */
export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** Whether a name is taken, even by a dangling link. */
export const isTaken = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Creates a folder and its parents; refuses if this is impossible. */
export const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // On a read-only file system Node's recursive mkdir reports "no such file".
    if (fileErrorCode(error) === 'ENOENT') {
      throw refuse(
        'not-writable',
        `The folder ${path} cannot be created there.`,
        'Choose a folder that you may write to.',
        error,
      );
    }
    throw explainFileError(error, path);
  }
};
