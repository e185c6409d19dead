import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileErrorCode } from '../files/file-errors.ts';
import { processState, thisProcess } from '../workspace/process-alive.ts';

/** Machines by a short hash, since their names may contain any character. */
const machineMark = (machine: string): string => createHash('sha256').update(machine).digest('hex').slice(0, 8);

/**
 * Name of the unfinished folder: hidden, and beside the destination so that renaming moves no bytes. It names the
 * writing process, to distinguish remains of a killed process from an export in progress.
 */
export const unfinishedName = (destination: string): string => {
  const { machine, pid, startedAt } = thisProcess();
  const owner = [machineMark(machine), String(pid), startedAt ?? '', randomBytes(6).toString('hex')].join('-');
  return path.join(path.dirname(destination), `.${path.basename(destination)}.part-${owner}`);
};

const OWNER = /^([0-9a-f]{8})-(\d{1,10})-(\d*)-[0-9a-f]{12}$/;
/** Age at which the folder of another machine, or of a process with unknown start, counts as abandoned. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

const isAbandoned = async (folder: string, owner: string, now: number): Promise<boolean> => {
  const [, mark, pid, startedAt] = OWNER.exec(owner) ?? [];
  const here = thisProcess();
  if (mark === machineMark(here.machine)) {
    const state = processState({ ...here, pid: Number(pid), startedAt: startedAt === '' ? null : (startedAt ?? null) });
    if (state !== 'unsure') return state === 'dead';
  }
  return now - (await stat(folder)).mtimeMs > ABANDONED_AFTER_MS;
};

/**
 * Removes what killed exports to the same destination left beside it, but none in progress. Returns the removed names.
 */
export const removeAbandonedExports = async (
  destination: string,
  now: number = Date.now(),
): Promise<readonly string[]> => {
  const parent = path.dirname(destination);
  const prefix = `.${path.basename(destination)}.part-`;
  const removed: string[] = [];
  for (const name of (await readdir(parent)).filter((each) => each.startsWith(prefix))) {
    const folder = path.join(parent, name);
    try {
      if (!(await isAbandoned(folder, name.slice(prefix.length), now))) continue;
      await rm(folder, { recursive: true, force: true });
      removed.push(name);
    } catch (error) {
      // Another process is removing it.
      if (fileErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return removed;
};
