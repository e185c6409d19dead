import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RunManifest } from '../contract/run.ts';
import { removeAbandonedExports } from '../export/unfinished-exports.ts';
import { isSystemError } from '../files/file-errors.ts';
import { writerOfTemporary } from '../files/write-atomically.ts';
import type { Workspace } from '../workspace/open-workspace.ts';

const removeFiles = async (writer: string, folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (writerOfTemporary(name) !== writer) continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
};

/**
 * Removes unfinished work of a killed process (`writer`: its temporaryWriter): files and folders among the workspace's
 * temporary ones and its overlays, and the unfinished folder of an export or a tuned model. Finished work stays. Files
 * that cannot be removed stay until they are a day old or the folder is made again.
 */
export const removeLeftovers = async (
  { kind, spec }: Pick<RunManifest, 'kind' | 'spec'>,
  writer: string,
  { temporaryFolder, overlayFolder }: Pick<Workspace, 'temporaryFolder' | 'overlayFolder'>,
): Promise<void> => {
  const { destination } = spec;
  try {
    for (const folder of [temporaryFolder, overlayFolder]) await removeFiles(writer, folder);
    if ((kind === 'export' || kind === 'finetune') && typeof destination === 'string')
      await removeAbandonedExports(destination);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
};
