import { createHash, createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { explained, explainFileError, fileErrorCode, isSystemError } from '../files/file-errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';

const FOLDER = 'uncurl-state';
const KEY_FILE = 'key';
const KEY_BYTES = 32;
const MAX_FILE_BYTES = 1_024;

/**
 * Folder beside the user's settings for state that must not come from a workspace: the key, followed submissions, and
 * Python environments.
 */
export const stateFolder = (settingsFile: string): string => join(dirname(settingsFile), FOLDER);

/** Creates a folder, and its parents, that only its user can read. */
export const makePrivateFolder = async (folder: string): Promise<void> => {
  await explained(folder, mkdir(folder, { recursive: true, mode: 0o700 }));
};

/** Error codes of file systems without hard links. */
const NO_LINKS: ReadonlySet<string | null> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/** Gives a finished file its name unless the name is taken: of two engines that start at once, one creates the key. */
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

/** The key of this user and machine, outside of every workspace. */
export interface UserKey {
  /** Identifies the key without revealing it. */
  readonly name: string;
  /** HMAC-SHA-256 of a text, in hexadecimal. */
  sign(text: string): string;
}

const userKeyOf = (key: Buffer): UserKey => ({
  name: createHash('sha256').update('uncurl key\0').update(key).digest('hex').slice(0, 16),
  sign: (signed) => createHmac('sha256', key).update(signed).digest('hex'),
});

/** A key that lives as long as this process. */
export const processKey: UserKey = userKeyOf(randomBytes(KEY_BYTES));

/**
 * The key in a state folder; null if none was created yet.
 *
 * @throws WorkbenchError `key-damaged`, and those of `readTextIfThere`.
 */
export const readUserKey = async (folder: string): Promise<UserKey | null> => {
  const file = join(folder, KEY_FILE);
  const text = await readTextIfThere(file, { mostBytes: MAX_FILE_BYTES });
  if (text === null) return null;
  if (!/^[0-9a-f]{64}\n$/.test(text))
    throw refuse(
      'key-damaged',
      `${file} contains no key.`,
      'Remove it: a new key is made, and resuming earlier runs will need confirmation.',
    );
  return userKeyOf(Buffer.from(text.trim(), 'hex'));
};

/**
 * The key in a state folder, created at the first use, readable only by its user.
 *
 * @throws WorkbenchError `not-writable`, `disk-full`, and those of `readUserKey`.
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
  if (made === null) throw refuse('key-damaged', `${file} vanished while it was created.`, 'Try again.');
  return made;
};
