import { mkdir } from 'node:fs/promises';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from './file-errors.ts';

/** Makes a folder and those above it; refuses a place where that cannot be done. */
export const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // On a read-only file system Node's recursive mkdir answers "no such file".
    if (fileErrorCode(error) === 'ENOENT') {
      throw refuse('not-writable', `The folder ${path} cannot be made there.`, 'Choose a folder that you may write to.', error);
    }
    throw explainFileError(error, path);
  }
};
