import { createHash, timingSafeEqual } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fail, type WorkbenchError } from '../contract/errors.ts';
import { MOST_NAMED_FILES, type RunProvenance } from '../contract/provenance.ts';
import type { RunManifest } from '../contract/run.ts';
import {
  CHECKSUM_FILE,
  checksumList,
  fileChecksum,
  parseChecksums,
  readChecksumList,
  readChecksums,
} from '../files/checksums.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { readKept } from '../files/kept-file.ts';
import { explainReadError, fileState } from '../files/regular-file.ts';
import { writeFileAtomically, writerOfTemporary } from '../files/write-atomically.ts';
import { bundledRecords } from './bundled-records.ts';
import type { UserKey } from './user-key.ts';

// A finished run is one sealed document: `checksums.sha256` lists a SHA-256 for the manifest and every other file, and
// `seal.json` signs that list with the user's key. A change of any byte, a copy by another user and a forgery show.

export const MANIFEST = 'manifest.json';
const SEAL_FILE = 'seal.json';
const MAX_SEAL_BYTES = 4_096;

/** Files of a run's folder that a seal does not cover, with the reason: they change after the run's end. */
export const OUTSIDE_SEAL: ReadonlyMap<string, string> = new Map([
  ['label.json', 'name, note and tags, which the user may change at any time'],
  ['log.jsonl', 'the log, which also records what happens after the end'],
  ['binding.json', 'the mark that lets this user resume the run'],
  ['cluster.json', 'the state of a submission to a cluster'],
  ['slurm.sh', 'the script of a submission to a cluster'],
  [CHECKSUM_FILE, 'the list of the sealed files'],
  [SEAL_FILE, 'the seal itself'],
]);

/** Also the lock of whoever works on the run, and what is being written, such as the next heartbeat of that lock. */
const isOutside = (name: string): boolean =>
  OUTSIDE_SEAL.has(name) || /^lock-\d+\.json$/.test(name) || writerOfTemporary(name) !== null;

/** Files that are read as results: one that appears after the end counts as a change. */
const RESULT_FILE =
  /^(?:(?:results|points|plans|experiment|damage|beside|fit|choice|verification|reproduction)\.json|outcomes\.parquet|profile.*\.safetensors)$/;

export const isResultFile = (name: string): boolean => RESULT_FILE.test(name);

/** Regular files of a folder, sorted. Folders contain what a job continues from; nothing shown is read from them. */
const filesOf = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();

const sealFile = z.object({
  format: z.literal('uncurl-seal'),
  version: z.literal(1),
  /** Name of the key. */
  key: z.string().max(64),
  mark: z.string().regex(/^[0-9a-f]{64}$/),
});
type Seal = z.infer<typeof sealFile>;

const signedText = (list: string): string => `uncurl-seal 1\n${list}`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Checksums of files read recently, valid while the file does not change. */
const known = new Map<string, { readonly state: string; readonly hash: Promise<string> }>();
const MOST_KNOWN = 10_000;

const remember = (file: string, state: string, hash: Promise<string>): void => {
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(file, { state, hash });
};

const hashOf = async (file: string): Promise<string | null> => {
  try {
    const state = fileState(await stat(file));
    const before = known.get(file);
    if (before?.state === state) return await before.hash;
    const hash = fileChecksum(file);
    remember(file, state, hash);
    return await hash;
  } catch (error) {
    known.delete(file);
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw explainReadError(error, file);
  }
};

/**
 * Seals a run at its end: reads every file once, lists its checksum, and signs the list. `manifest`: the text of the
 * manifest that is written after this. Without a key (it cannot be written in a read-only home) only the list is
 * written, and the run counts as not measured here.
 */
export const sealRun = async (
  folder: string,
  manifest: string,
  key: UserKey | null,
  temporaryFolder: string,
): Promise<void> => {
  const checksums = new Map([[MANIFEST, sha256(manifest)]]);
  for (const name of await filesOf(folder)) {
    if (name === MANIFEST || isOutside(name)) continue;
    const file = join(folder, name);
    const state = fileState(await stat(file));
    const hash = await fileChecksum(file);
    checksums.set(name, hash);
    remember(file, state, Promise.resolve(hash));
  }
  const list = checksumList(checksums);
  if (key === null) await rm(join(folder, SEAL_FILE), { force: true });
  else {
    const seal: Seal = { format: 'uncurl-seal', version: 1, key: key.name, mark: key.sign(signedText(list)) };
    await writeFileAtomically(join(folder, SEAL_FILE), `${JSON.stringify(seal, null, 2)}\n`, temporaryFolder);
  }
  await writeFileAtomically(join(folder, CHECKSUM_FILE), list, temporaryFolder);
};

/** Removes the seal of a run that is worked on again. */
export const unsealRun = async (folder: string): Promise<void> => {
  for (const name of [SEAL_FILE, CHECKSUM_FILE]) await rm(join(folder, name), { force: true });
};

/** An unreadable seal counts as none. */
const readSeal = (folder: string): Promise<Seal | null> => readKept(join(folder, SEAL_FILE), MAX_SEAL_BYTES, sealFile);

const elsewhere = (reason: RunProvenance['reason'], files: readonly string[] = []): RunProvenance => ({
  state: 'elsewhere',
  reason,
  files: files.slice(0, MOST_NAMED_FILES),
});

const HERE: RunProvenance = { state: 'here', reason: null, files: [] };

/** Files of a bundled record whose manifest has this checksum, by name. */
const recordWith = (manifest: string): Readonly<Record<string, string>> | undefined =>
  Object.values(bundledRecords).find((files) => files[MANIFEST] === manifest);

export const editedFile = (folder: string, name: string): WorkbenchError =>
  fail(
    'results-edited',
    `${join(folder, name)} was changed after the run had ended: it no longer shows what was measured.`,
    'Restore the file from where the run was made, or run it again.',
  );

/**
 * Throws unless a file of a run is the one of the bundled record to which its manifest belongs; false where the
 * manifest belongs to none. Its own checksums prove nothing: whoever made the run wrote them.
 *
 * @throws WorkbenchError `results-edited`.
 */
export const isAsBundled = async (folder: string, name: string): Promise<boolean> => {
  const record = recordWith((await hashOf(join(folder, MANIFEST))) ?? '');
  if (record === undefined) return false;
  if (record[name] === (await hashOf(join(folder, name)))) return true;
  throw editedFile(folder, name);
};

/** How much of a folder `readProvenance` reads. */
type Depth = 'files' | 'manifest';

/** Files that differ from a list, are missing, or are results that it does not name. */
const changedFiles = async (
  folder: string,
  sums: ReadonlyMap<string, string>,
  manifest: string,
  depth: Depth,
): Promise<readonly string[]> => {
  const changed = sums.get(MANIFEST) === manifest ? [] : [MANIFEST];
  if (depth === 'manifest') return changed;
  const added = (await filesOf(folder)).filter((name) => isResultFile(name) && !sums.has(name));
  for (const [name, sum] of sums)
    if (name !== MANIFEST && (await hashOf(join(folder, name))) !== sum) changed.push(name);
  return [...changed, ...added];
};

/**
 * Whether a run was measured here. `manifest`: the text of its manifest, whose `state` and `adoptedAt` are given;
 * `isBound`: whether this user's engine made it here, or adopted it (run-binding.ts). `depth`: `manifest` reads no
 * result file, for a list of many runs.
 *
 * A seal and a mark cover `adoptedAt`: without it, a run from elsewhere has neither.
 */
export const readProvenance = async (
  folder: string,
  { manifest, state, adoptedAt }: { readonly manifest: string } & Pick<RunManifest, 'state' | 'adoptedAt'>,
  { key, isBound, depth }: { readonly key: UserKey | null; readonly isBound: () => Promise<boolean>; depth: Depth },
): Promise<RunProvenance> => {
  const hash = sha256(manifest);
  const record = recordWith(hash);
  if (record !== undefined) {
    const changed = await changedFiles(folder, new Map(Object.entries(record)), hash, depth);
    return changed.length === 0 ? { state: 'bundled', reason: null, files: [] } : elsewhere('changed-files', changed);
  }
  const isAdopted = adoptedAt !== undefined;
  if (state !== 'done') {
    if (!(await isBound())) return elsewhere('no-seal');
    return isAdopted ? elsewhere('begun-elsewhere') : { state: 'unfinished', reason: 'not-finished', files: [] };
  }
  const [seal, list] = [await readSeal(folder), await readChecksumList(folder)];
  if (seal === null || list === null) return elsewhere('no-seal');
  if (key === null || seal.key !== key.name) return elsewhere('other-key');
  const isSigned = timingSafeEqual(Buffer.from(key.sign(signedText(list)), 'hex'), Buffer.from(seal.mark, 'hex'));
  if (!isSigned) return elsewhere('broken-seal');
  const changed = await changedFiles(folder, parseChecksums(folder, list), hash, depth);
  if (changed.length > 0) return elsewhere('changed-files', changed);
  return isAdopted ? elsewhere('begun-elsewhere') : HERE;
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
  const names = new Set([...sums.keys(), ...(await filesOf(folder)).filter(isResultFile)]);
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

/** Refuses a file of a run that was changed after its end. @throws WorkbenchError `results-edited`. */
export const requireAsWritten = async (folder: string, name: string): Promise<void> => {
  const sums = await readChecksums(folder);
  if (sums !== null && (await hashOf(join(folder, name))) !== (sums.get(name) ?? null)) throw editedFile(folder, name);
};
