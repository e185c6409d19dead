import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileErrorCode } from '../files/file-errors.ts';
import { ownerMark, ownerState } from '../files/process-alive.ts';

/**
 * Name of the unfinished folder: hidden, and beside the destination so that renaming moves no bytes. It names the
 * writing process, to distinguish remains of a killed process from an export in progress.
 */
export const unfinishedName = (destination: string): string => {
  return path.join(path.dirname(destination), `.${path.basename(destination)}.part-${ownerMark()}`);
};

/** Age at which the folder of another machine, or of a process with unknown start, counts as abandoned. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

const isAbandoned = async (folder: string, owner: string): Promise<boolean> => {
  const state = ownerState(owner);
  if (state !== 'unsure') return state === 'dead';
  return Date.now() - (await stat(folder)).mtimeMs > ABANDONED_AFTER_MS;
};

/**
 * Removes what killed exports to the same destination left beside it, but none in progress. Returns the removed names.
 */
export const removeAbandonedExports = async (destination: string): Promise<readonly string[]> => {
  const parent = path.dirname(destination);
  const prefix = `.${path.basename(destination)}.part-`;
  const removed: string[] = [];
  for (const name of (await readdir(parent)).filter((each) => each.startsWith(prefix))) {
    const folder = path.join(parent, name);
    try {
      if (!(await isAbandoned(folder, name.slice(prefix.length)))) continue;
      await rm(folder, { recursive: true, force: true });
      removed.push(name);
    } catch (error) {
      // Another process is removing it.
      if (fileErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return removed;
};
