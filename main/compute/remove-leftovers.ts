import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RunManifest } from '../contract/run.ts';
import { removeAbandonedExports } from '../export/unfinished-exports.ts';
import { isSystemError } from '../files/file-errors.ts';

/** The process in the names that `temporaryNameFor` gives. */
const WRITER = /\.(\d{1,10})-[0-9a-f]{12}\.tmp$/;

const removeFiles = async (pid: number, folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (WRITER.exec(name)?.[1] !== String(pid)) continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
};

/**
 * Removes what a process that was killed in mid-work had begun to write: files in the workspace's folder for temporary
 * ones, and the unfinished folder of an export. What it had finished stays; so does what cannot be removed, until it is
 * a day old or the export is made again.
 */
export const removeLeftovers = async (
  { kind, spec }: Pick<RunManifest, 'kind' | 'spec'>,
  pid: number,
  temporaryFolder: string,
): Promise<void> => {
  const { destination } = spec;
  try {
    await removeFiles(pid, temporaryFolder);
    if (kind === 'export' && typeof destination === 'string') await removeAbandonedExports(destination);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
};
