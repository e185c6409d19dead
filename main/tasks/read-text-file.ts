import { readFile, stat } from 'node:fs/promises';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';

/** The whole file is held as one string, and V8's strings end at 512 MiB. */
const MAX_FILE_BYTES = 256 * 2 ** 20;

/** A UTF-8 file as text, without a byte order mark. Refuses files that are missing, larger than 256 MiB or not UTF-8. */
export const readTextFile = async (file: string): Promise<string> => {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw refuse('task-too-large', `${file} has ${String(size)} bytes (limit ${String(MAX_FILE_BYTES)}).`, 'Split the task into several.');
    }
    bytes = await readFile(file);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') throw refuse('missing-file', `${file} does not exist.`, 'Check the path.', error);
    throw explainFileError(error, file);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse('bad-encoding', `${file} is not UTF-8.`, 'Save it as UTF-8.', cause);
  }
};
