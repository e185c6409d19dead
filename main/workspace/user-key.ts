import { createHash, createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode, isSystemError } from '../files/file-errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';

const FOLDER = 'uncurl-state';
const KEY_FILE = 'key';
const KEY_BYTES = 32;
const MAX_FILE_BYTES = 1_024;

/**
 * Folder beside a person's settings for what their engines have to know and no workspace may say: the key, the
 * submissions that are followed, the Python environments that are run.
 */
export const stateFolder = (settingsFile: string): string => join(dirname(settingsFile), FOLDER);

/** Makes a folder that only its user may look into, and those above it. */
export const makePrivateFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw explainFileError(error, folder);
  }
};

/** File systems without hard links answer with one of these. */
const NO_LINKS: ReadonlySet<string | null> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/** Gives a finished file its name unless the name is taken: of two engines that start at once, one makes the key. */
const publishOnce = async (temporary: string, file: string): Promise<void> => {
  try {
    await link(temporary, file);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return;
    if (!NO_LINKS.has(fileErrorCode(error))) throw error;
    await copyFile(temporary, file, constants.COPYFILE_EXCL).catch((taken: unknown) => {
      if (!isSystemError(taken, 'EEXIST')) throw taken;
    });
  }
};

/** A key of this user and machine, outside of every workspace. */
export interface UserKey {
  /** Names the key and tells nothing of it. */
  readonly name: string;
  /** HMAC-SHA-256 of a text, in hexadecimal. */
  sign(text: string): string;
}

/**
 * The key in a state folder; null where none was made yet.
 *
 * @throws WorkbenchError `key-damaged`, and as `readTextIfThere`.
 */
export const readUserKey = async (folder: string): Promise<UserKey | null> => {
  const file = join(folder, KEY_FILE);
  const text = await readTextIfThere(file, { mostBytes: MAX_FILE_BYTES });
  if (text === null) return null;
  if (!/^[0-9a-f]{64}\n$/.test(text))
    throw refuse(
      'key-damaged',
      `${file} holds no key.`,
      'Remove it: another one is made, and runs of before are asked about when they are resumed.',
    );
  const key = Buffer.from(text.trim(), 'hex');
  return {
    name: createHash('sha256').update('uncurl key\0').update(key).digest('hex').slice(0, 16),
    sign: (signed) => createHmac('sha256', key).update(signed).digest('hex'),
  };
};

/**
 * The key in a state folder, made at the first use, for its user's eyes alone.
 *
 * @throws WorkbenchError `not-writable`, `disk-full`, and as `readUserKey`.
 */
export const requireUserKey = async (folder: string): Promise<UserKey> => {
  const known = await readUserKey(folder);
  if (known !== null) return known;
  await makePrivateFolder(folder);
  const file = join(folder, KEY_FILE);
  const temporary = temporaryNameFor(file);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publishOnce(temporary, file);
  } catch (error) {
    throw explainFileError(error, file);
  } finally {
    await rm(temporary, { force: true });
  }
  const made = await readUserKey(folder);
  if (made === null) throw refuse('key-damaged', `${file} vanished while it was made.`, 'Try again.');
  return made;
};
