import { lstat, realpath, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type ClusterWork, clusterWork } from '../contract/cluster.ts';
import { fail, refuse } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { openRegularFile } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';

/** In a run's folder: the last observed state of its latest submission to a cluster. */
const RECORD = 'cluster.json';
const MAX_RECORD_BYTES = 16 * 2 ** 20;

/** Reads the last submission of a run; null where there is none. */
export const readClusterWork = (runFolder: string): Promise<ClusterWork | null> => {
  const file = join(runFolder, RECORD);
  return readJsonIfThere(file, clusterWork, { mostBytes: MAX_RECORD_BYTES }, (cause) =>
    fail(
      'cluster-record-damaged',
      `${file} does not describe a submission.`,
      'Remove it, and submit the run again.',
      cause,
    ),
  );
};

export const writeClusterWork = (runFolder: string, work: ClusterWork, temporaryFolder: string): Promise<void> =>
  writeFileAtomically(join(runFolder, RECORD), `${JSON.stringify(work, null, 2)}\n`, temporaryFolder);

export const removeClusterWork = (runFolder: string): Promise<void> => rm(join(runFolder, RECORD), { force: true });

/** Most bytes of a log that are read. */
const LOG_BYTES = 64 * 2 ** 10;

/**
 * Refuses a log outside of the run's folder: this engine lets Slurm write all logs there, but a record may name any
 * file.
 *
 * @throws WorkbenchError refused: `log-elsewhere`; system errors unchanged.
 */
const requireOwnLog = async (file: string, runFolder: string): Promise<string> => {
  const [log, folder] = [await realpath(file), await realpath(runFolder)];
  const { nlink } = await lstat(log);
  if (log.startsWith(folder + sep) && nlink <= 1) return log;
  throw refuse(
    'log-elsewhere',
    `The log ${file} is not in the run's folder ${runFolder}, so it is not read.`,
    'Read it yourself, if it is what you expect.',
  );
};

/**
 * Reads the end of a run's log, and whether that is the whole log.
 *
 * @throws as `requireOwnLog` and `openRegularFile`.
 */
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
