import { copyFile, lstat, mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isGgufPath } from '../files/list-folder.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { PLAN_FILE } from '../contract/export.ts';
import { CHECKSUM_FILE, checksumOfLine, fileChecksum, readChecksumList } from '../files/checksums.ts';
import { fileErrorCode, ifThere, isFolder } from '../files/file-errors.ts';
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

export const CARD_FILE = 'README.md';

/** Problems of the files in a folder's checksum list; none if it has no list. */
export const checksumProblems = async (folder: string, signal: AbortSignal): Promise<readonly string[]> => {
  let list: string | null;
  try {
    list = await readChecksumList(folder);
  } catch (error) {
    if (error instanceof WorkbenchError) return [error.message];
    throw error;
  }
  if (list === null) return [];
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const line of list.split('\n').filter((each) => each !== '')) {
    const read = checksumOfLine(line);
    if (read === null) {
      problems.push(`${CHECKSUM_FILE}: ${JSON.stringify(line.slice(0, 100))} is not a line of a checksum list.`);
      continue;
    }
    const { checksum, name } = read;
    if (seen.has(name)) {
      problems.push(`${CHECKSUM_FILE} lists ${name} twice.`);
      continue;
    }
    seen.add(name);
    try {
      if ((await fileChecksum(path.join(folder, name), signal)) !== checksum)
        problems.push(`${name} was changed: its checksum is not the one in ${CHECKSUM_FILE}.`);
    } catch (error) {
      if (!(error instanceof WorkbenchError)) throw error;
      problems.push(
        error.code === 'missing-file' ? `${name} is missing, although ${CHECKSUM_FILE} lists it.` : error.message,
      );
    }
  }
  return problems;
};

/**
 * Names of files that belong to a model beside config and weights: generation settings, tokenizer and chat template
 * files, and licences. Only these are copied: a foreign model's folder may contain anything, and an export may lie
 * where other programs look for their own files.
 */
export const SIDE_FILES: ReadonlySet<string> = new Set([
  'generation_config.json',
  ...['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'],
  ...['vocab.json', 'vocab.txt', 'merges.txt', 'tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model'],
  ...['tiktoken.model', 'qwen.tiktoken', 'tekken.json'],
  ...['chat_template.json', 'chat_template.jinja'],
  ...['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'LICENCE.md', 'LICENCE.txt', 'License.txt', 'COPYING'],
  ...['NOTICE', 'NOTICE.md', 'NOTICE.txt', 'USE_POLICY.md'],
]);
/** Record in a model's folder of how it was fine-tuned. */
export const FINETUNE_FILE = 'uncurl_finetune.json';

const TOKENIZER_FILE = 'tokenizer.json';
/** Side files are small; larger files (data, for example) do not belong to the model. */
const MAX_SIDE_FILE_BYTES = 256 * 2 ** 20;

export interface SideFiles {
  readonly copied: readonly string[];
  /** Names of links out of the model, which are not followed. */
  readonly leftOut: readonly string[];
}

/**
 * Whether the target of a link belongs to the model: it lies in its folder, or in the `blobs` beside its `snapshots`,
 * as in a Hugging Face cache. tokenizer.json may lie anywhere, since it was already read as a tokenizer.
 */
const belongs = (name: string, target: string, folder: string): boolean => {
  const isWithin = (parent: string): boolean => target.startsWith(parent + path.sep);
  const snapshots = path.dirname(folder);
  const isCache = path.basename(snapshots) === 'snapshots';
  return (
    name === TOKENIZER_FILE || isWithin(folder) || (isCache && isWithin(path.join(path.dirname(snapshots), 'blobs')))
  );
};

/**
 * A model's side files by name, each with its real path (none of a GGUF file's); folders, pipes and links out of the
 * model are left out.
 */
const findSideFiles = async (
  source: string,
): Promise<{ readonly found: ReadonlyMap<string, string>; readonly leftOut: readonly string[] }> => {
  const found = new Map<string, string>();
  const leftOut: string[] = [];
  if (isGgufPath(source)) return { found, leftOut };
  const folder = await realpath(source);
  for (const name of (await readdir(source)).sort()) {
    if (!SIDE_FILES.has(name)) continue;
    const target = await realpath(path.join(source, name)).catch((error: unknown) => {
      if (fileErrorCode(error) === null) throw error;
      return null;
    });
    if (target === null || !belongs(name, target, folder)) {
      leftOut.push(name);
      continue;
    }
    const stats = await stat(target);
    if (stats.isFile() && stats.size <= MAX_SIDE_FILE_BYTES) found.set(name, target);
  }
  return { found, leftOut };
};

export const copySideFiles = async (source: string, destination: string): Promise<SideFiles> => {
  const { found, leftOut } = await findSideFiles(source);
  for (const [name, target] of found) await copyFile(target, path.join(destination, name));
  return { copied: [...found.keys()], leftOut };
};

/** Files beside those that are loaded. An export may lack them, as it does during its own check. */
const BESIDE_FILES = [PLAN_FILE, CARD_FILE, CHECKSUM_FILE];

/**
 * Problems of the files of an export, which must contain `modelFiles` and the source's side files byte for byte, and
 * nothing else. Programs look for files by name and prefer some to the weights: an index, an adapter, another format, a
 * template.
 */
export const folderProblems = async (
  source: string,
  exported: string,
  modelFiles: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const { found: sideFiles } = await findSideFiles(source);
  const expected = new Set([...modelFiles, ...sideFiles.keys(), ...BESIDE_FILES]);
  const present = new Set(await readdir(exported));
  const problems = [...present]
    .filter((name) => !expected.has(name))
    .sort()
    .map((name) => `${JSON.stringify(name)} does not belong to the export.`);
  for (const name of modelFiles) if (!present.has(name)) problems.push(`${name} is missing.`);
  for (const [name, target] of sideFiles) {
    if (!present.has(name)) {
      problems.push(`${name} is missing.`);
      continue;
    }
    try {
      const [is, wanted] = [await fileChecksum(path.join(exported, name), signal), await fileChecksum(target, signal)];
      if (is !== wanted) problems.push(`${name} differs from the source's.`);
    } catch (error) {
      if (!(error instanceof WorkbenchError)) throw error;
      problems.push(error.message);
    }
  }
  return problems;
};

const taken = (destination: string, cause?: unknown): Error =>
  refuse(
    'destination-exists',
    `${destination} already exists, and an export never overwrites.`,
    'Choose another name, or remove it first.',
    cause,
  );

/**
 * Refuses a destination whose parent folder does not exist.
 *
 * @throws WorkbenchError refused: `no-folder`.
 */
export const requireParent = async (destination: string): Promise<void> => {
  const parent = path.dirname(destination);
  if (!(await isFolder(parent))) {
    throw refuse(
      'no-folder',
      `${parent} is not a folder, so ${path.basename(destination)} cannot be created in it.`,
      'Create the folder first, or choose another.',
    );
  }
};

/** Refuses a destination that exists, even as a dangling link. */
export const requireAbsent = async (destination: string): Promise<void> => {
  const exists = (await ifThere(() => lstat(destination))) !== null;
  if (exists) throw taken(destination);
};

/**
 * Renames a finished folder to its final name, unless the name has been taken meanwhile. A rename would replace an
 * empty folder, so on POSIX systems the name is first claimed by creating it, which only one process can do.
 */
export const publishFolder = async (unfinished: string, destination: string): Promise<void> => {
  if (process.platform === 'win32') {
    await rename(unfinished, destination).catch((error: unknown) => {
      throw fileErrorCode(error) === 'EEXIST' || fileErrorCode(error) === 'EPERM' ? taken(destination, error) : error;
    });
    return;
  }
  await mkdir(destination).catch((error: unknown) => {
    throw fileErrorCode(error) === 'EEXIST' ? taken(destination, error) : error;
  });
  try {
    await rename(unfinished, destination);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOTEMPTY') throw taken(destination, error);
    await rmdir(destination);
    throw error;
  }
};

/** Removes an unfinished folder with its contents. */
export const removeUnfinished = (unfinished: string): Promise<void> => rm(unfinished, { recursive: true, force: true });
