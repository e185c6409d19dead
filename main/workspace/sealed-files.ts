import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkbenchError } from '../contract/errors.ts';
import { fileChecksum, readChecksums, writeChecksums } from '../files/checksums.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { explainReadError } from '../files/regular-file.ts';

/**
 * Result files. Others change after the run's end (label.json, cluster records) or contain nothing that is shown as
 * measured.
 */
const RESULT_FILE =
  /^(?:(?:results|points|plans|experiment|damage|beside|verification|reproduction)\.json|outcomes\.parquet|profile.*\.safetensors)$/;

export const isResultFile = (name: string): boolean => RESULT_FILE.test(name);

const resultFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter(isResultFile).sort();

/** Writes the checksums of a run's results at its end, to detect later edits. */
export const sealRun = async (folder: string, temporaryFolder: string): Promise<void> =>
  writeChecksums(
    folder,
    new Map((await resultFiles(folder)).map((name) => [name, join(folder, name)])),
    temporaryFolder,
  );

/** Checksums of files read recently, valid while the file does not change. */
const known = new Map<string, { readonly state: string; readonly hash: Promise<string> }>();
const MOST_KNOWN = 1_000;

const stateOf = ({ size, mtimeMs, ctimeMs, ino }: Stats): string => [size, mtimeMs, ctimeMs, ino].map(String).join(' ');

const hashOf = async (file: string): Promise<string | null> => {
  try {
    const state = stateOf(await stat(file));
    const before = known.get(file);
    if (before?.state === state) return await before.hash;
    const hash = fileChecksum(file);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(file, { state, hash });
    return await hash;
  } catch (error) {
    known.delete(file);
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw explainReadError(error, file);
  }
};

/** Changes to a run's files since it ended. */
export interface SealedFiles {
  /** Null if the run has none: it is of an earlier version or has not ended. */
  readonly checksums: ReadonlyMap<string, string> | null;
  /** Files that were changed, deleted or added since then, and those among them that are no longer there. */
  readonly changed: readonly string[];
  readonly missing: readonly string[];
}

export const readSealedFiles = async (folder: string): Promise<SealedFiles> => {
  const sums = await readChecksums(folder);
  if (sums === null) return { checksums: null, changed: [], missing: [] };
  const names = new Set([...sums.keys(), ...(await resultFiles(folder))]);
  const changed: string[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const hash = await hashOf(join(folder, name));
    if (hash !== (sums.get(name) ?? null)) changed.push(name);
    if (hash === null) missing.push(name);
  }
  return { checksums: sums, changed, missing };
};

/** Checksums of the files as they are now, without missing ones. */
export const contentChecksums = async (
  folder: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const checksums = new Map<string, string>();
  for (const name of names) {
    const hash = await hashOf(join(folder, name));
    if (hash !== null) checksums.set(name, hash);
  }
  return checksums;
};

export const editedFile = (folder: string, name: string): WorkbenchError =>
  new WorkbenchError(
    'results-edited',
    'failed',
    `${join(folder, name)} was changed after the run had ended: it no longer shows what was measured.`,
    'Restore the file from where the run was made, or run it again.',
  );

/** Refuses a file of a run that was changed after its end. @throws WorkbenchError `results-edited`. */
export const requireAsWritten = async (folder: string, name: string): Promise<void> => {
  const sums = await readChecksums(folder);
  if (sums !== null && (await hashOf(join(folder, name))) !== (sums.get(name) ?? null)) throw editedFile(folder, name);
};
