import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { refuse } from '../contract/errors.ts';
import { isSystemError } from './file-errors.ts';
import { ownerMark, ownerState } from './process-alive.ts';

const NAME = /^uncurl-[a-z]+-(.+)$/;

/** Another process is removing it, another account owns it, or it may not be listed. */
const NOT_OURS = ['ENOENT', 'EACCES', 'EPERM', 'ENOTEMPTY'];

/** Removes the temporary folders of processes of this machine that were killed, and no others. */
const removeAbandoned = async (parent: string): Promise<void> => {
  const unlessNotOurs = (error: unknown): string[] => {
    if (!NOT_OURS.some((code) => isSystemError(error, code))) throw error;
    return [];
  };
  for (const name of await readdir(parent).catch(unlessNotOurs)) {
    const mark = NAME.exec(name)?.[1];
    if (mark === undefined || ownerState(mark) !== 'dead') continue;
    await rm(path.join(parent, name), { recursive: true, force: true }).catch(unlessNotOurs);
  }
};

/** Parents from which this process has removed the remains of others. */
const cleared = new Set<string>();

/**
 * A new folder for temporary files; its name says what for, in lower-case letters. The first of a process in `parent`
 * also removes those that killed processes left there.
 *
 * @throws WorkbenchError refused: `no-temporary-folder`.
 */
export const makeTemporaryFolder = async (use: string, parent = tmpdir()): Promise<string> => {
  try {
    if (!cleared.has(parent)) await removeAbandoned(parent);
    cleared.add(parent);
    const folder = path.join(parent, `uncurl-${use}-${ownerMark()}`);
    await mkdir(folder, { mode: 0o700 });
    return folder;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw refuse(
      'no-temporary-folder',
      `No folder can be made in ${parent}, the folder for temporary files (${error.code}).`,
      'Set TMPDIR to a folder that you may write to.',
      error,
    );
  }
};
