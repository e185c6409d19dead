import { lstat, realpath, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type ClusterWork, clusterWork } from '../contract/cluster.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { openRegularFile, readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';

/** In the folder of a run: its last submission to a cluster, as it was last seen. */
const RECORD = 'cluster.json';
const MAX_RECORD_BYTES = 16 * 2 ** 20;

/** The last submission of a run; null where it has none. */
export const readClusterWork = async (runFolder: string): Promise<ClusterWork | null> => {
  const file = join(runFolder, RECORD);
  const text = await readTextIfThere(file, { mostBytes: MAX_RECORD_BYTES });
  if (text === null) return null;
  try {
    return clusterWork.parse(JSON.parse(text));
  } catch (cause) {
    throw new WorkbenchError(
      'cluster-record-damaged',
      'failed',
      `${file} does not tell of a submission.`,
      'Remove it, and submit the run again.',
      { cause },
    );
  }
};

export const writeClusterWork = (runFolder: string, work: ClusterWork, temporaryFolder: string): Promise<void> =>
  writeFileAtomically(join(runFolder, RECORD), `${JSON.stringify(work, null, 2)}\n`, temporaryFolder);

export const removeClusterWork = (runFolder: string): Promise<void> => rm(join(runFolder, RECORD), { force: true });

/** As much of a log as a reader looks at. */
const LOG_BYTES = 64 * 2 ** 10;

/**
 * Refuses a log that does not lie in the run's folder, where this engine lets Slurm write all of them: a record may name
 * any file.
 *
 * @throws WorkbenchError refused: `log-elsewhere`; the system's errors as they are.
 */
const requireOwnLog = async (file: string, runFolder: string): Promise<string> => {
  const [log, folder] = [await realpath(file), await realpath(runFolder)];
  const { nlink } = await lstat(log);
  if (log.startsWith(folder + sep) && nlink <= 1) return log;
  throw refuse(
    'log-elsewhere',
    `The log ${file} does not lie in the run's folder ${runFolder}, so it is not read.`,
    'Read it yourself, if it is what you expect.',
  );
};

/** The end of a log of a run, and whether that is all of it. @throws as `requireOwnLog` and `openRegularFile`. */
export const readLogEnd = async (
  given: string,
  runFolder: string,
): Promise<{ readonly text: string; readonly isWhole: boolean }> => {
  const file = await requireOwnLog(given, runFolder);
  const { handle, sizeBytes } = await openRegularFile(file);
  try {
    const from = Math.max(0, sizeBytes - LOG_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(sizeBytes - from), 0, sizeBytes - from, from);
    return { text: buffer.subarray(0, bytesRead).toString('utf8'), isWhole: from === 0 };
  } finally {
    await handle.close();
  }
};
