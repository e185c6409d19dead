import { copyFile, mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../workspace/file-errors.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { temporaryNameFor, writeFileAtomically } from '../workspace/write-atomically.ts';
import { COMPRESSED, sampleFolder } from './sample-files.ts';

/** Name of the sample among the runs of a workspace. */
export const SAMPLE_RUN = 'sample';

/** Says that a workspace was given the sample once: removed by its user, it stays away. */
const MARK = 'sample.json';

const unpack = promisify(gunzip);

const filesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return [];
    throw explainFileError(error, folder);
  }
};

const flush = async (file: string): Promise<void> => {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const placeFile = async (source: string, name: string, folder: string): Promise<void> => {
  const isCompressed = name.endsWith(COMPRESSED);
  const file = join(folder, isCompressed ? name.slice(0, -COMPRESSED.length) : name);
  if (isCompressed) await writeFile(file, await unpack(await readFile(join(source, name))));
  else await copyFile(join(source, name), file);
  await flush(file);
};

/** Puts the sample into a workspace, whole or not at all; false where it is there already. */
export const addSample = async ({ runs, temporaryFolder }: Pick<Workspace, 'runs' | 'temporaryFolder'>, resources: string): Promise<boolean> => {
  const [source, destination] = [sampleFolder(resources), runs.folder(SAMPLE_RUN)];
  if ((await filesIn(destination)).length > 0) return false;
  const names = await filesIn(source);
  if (names.length === 0) throw refuse('no-sample', `There is no sample in ${source}.`, 'Name another run, or restore the folder.');
  const coming = temporaryNameFor(destination, temporaryFolder);
  try {
    await mkdir(coming);
    await Promise.all(names.map((name) => placeFile(source, name, coming)));
    await rename(coming, destination);
    return true;
  } catch (error) {
    await rm(coming, { recursive: true, force: true });
    // Another engine was faster.
    if (fileErrorCode(error) === 'ENOTEMPTY' || fileErrorCode(error) === 'EEXIST') return false;
    throw explainFileError(error, destination);
  }
};

/**
 * Puts the sample into a workspace that holds no run yet, once: a workspace that was asked before is left as it is. A
 * package without a sample fills nothing.
 */
export const offerSample = async (workspace: Pick<Workspace, 'path' | 'runs' | 'temporaryFolder'>, resources: string): Promise<void> => {
  const { path, runs, temporaryFolder } = workspace;
  if ((await filesIn(path)).includes(MARK)) return;
  if ((await filesIn(sampleFolder(resources))).length === 0) return;
  const isFresh = (await runs.list()).length === 0;
  if (isFresh) await addSample(workspace, resources);
  const mark = { run: isFresh ? SAMPLE_RUN : null };
  await writeFileAtomically(join(path, MARK), `${JSON.stringify(mark)}\n`, temporaryFolder);
};
