import { copyFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isSystemError } from '../files/file-errors.ts';
import { makeTemporaryFolder } from '../files/temporary-folder.ts';
import type { Checkpoint } from './open-checkpoint.ts';
import { writeSafetensors } from './write-safetensors.ts';

/** Errors of systems, disks and accounts that make no links. */
const NO_LINKS = ['EPERM', 'EACCES', 'ENOTSUP', 'ENOSYS', 'EINVAL'];

const placeFile = async (source: string, place: string, makeLink: typeof symlink): Promise<void> => {
  try {
    await makeLink(source, place, 'file');
  } catch (error) {
    if (!NO_LINKS.some((code) => isSystemError(error, code))) throw error;
    await copyFile(source, place);
  }
};

/**
 * Lets a computing program see a model: `use` gets a temporary folder of links (copies where a link is impossible) to
 * the files that were stamped when the model was opened, and to nothing else. Libraries also read what merely lies
 * beside the weights (adapters, other weight formats, code, settings of processors), which no key of a result names.
 *
 * `parent`: where the folder is made, among temporary files by default; it is deleted when `use` ends.
 */
export const withSeenFolder = <T>(
  { sources }: Pick<Checkpoint, 'sources'>,
  use: (folder: string) => Promise<T>,
  parent?: string,
  makeLink = symlink,
): Promise<T> => {
  const place = (folder: string): Promise<unknown> =>
    Promise.all(sources.map(({ name, file }) => placeFile(file, path.join(folder, name), makeLink)));
  return inTemporaryFolder(parent, place, use);
};

/** Lets a computing program see a config alone: a folder with it, and a file of weights without any tensor. */
export const withConfigFolder = <T>(config: Checkpoint['config'], use: (folder: string) => Promise<T>): Promise<T> => {
  const place = async (folder: string): Promise<void> => {
    await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
    await writeSafetensors(path.join(folder, 'model.safetensors'), [], { format: 'pt' });
  };
  return inTemporaryFolder(undefined, place, use);
};

const inTemporaryFolder = async <T>(
  parent: string | undefined,
  place: (folder: string) => Promise<unknown>,
  use: (folder: string) => Promise<T>,
): Promise<T> => {
  const folder = await makeTemporaryFolder('seen', parent);
  try {
    await place(folder);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
