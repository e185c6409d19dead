import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { WorkbenchError } from '../contract/errors.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { openRegularFile, whileOpen } from '../files/regular-file.ts';
import { isGgufPath } from '../files/list-folder.ts';
import type { FileState } from './hash-cache.ts';

/** The state of a file of a model. */
export interface FileStamp extends FileState {
  /** Its name in the model's folder. */
  readonly name: string;
  /** SHA-256 (hexadecimal) over the header of a weight file; null for others. */
  readonly headerHash: string | null;
}

/** The files that a model's numbers depend on, in their state when it was opened. */
export type ModelSources = readonly FileStamp[];

/**
 * Stamps as a text that two processes can compare, even across restarts of the machine, which may change a folder's
 * path and its disk's number.
 */
export const sourcesText = (sources: ModelSources): string =>
  canonicalJson(
    sources.map(({ name, sizeBytes, modifiedNs, changedNs }) => [
      name,
      ...[sizeBytes, modifiedNs, changedNs].map(String),
    ]),
  );

/**
 * The closed list of the files beside the weights that numbers may depend on (tokenization, prompts, end of
 * generation), here or in PyTorch. They are stamped and hashed with the weights; a program that computes may see no
 * others.
 */
export const CONSUMED_FILES: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'model.safetensors.index.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'tokenizer.model',
  'chat_template.json',
  'chat_template.jinja',
]);

/** Maximum number of hashed bytes of a header: a real one has a few MB. */
const MOST_HEADER_BYTES = 16 * 2 ** 20;
const LENGTH_BYTES = 8;

const headerHashOf = (file: string): Promise<string> =>
  whileOpen(openRegularFile(file), async ({ handle }) => {
    const length = Buffer.alloc(LENGTH_BYTES);
    await handle.read(length, 0, LENGTH_BYTES, 0);
    const bytes = Math.min(Number(length.readBigUInt64LE()), MOST_HEADER_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, LENGTH_BYTES);
    return createHash('sha256').update(length).update(buffer.subarray(0, bytesRead)).digest('hex');
  });

const stateIn = (file: string, { size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): FileState => ({
  file,
  sizeBytes: size,
  modifiedNs: mtimeNs,
  changedNs: ctimeNs,
  inode: ino,
  device: dev,
});

/** The state of an open file. */
export const fileStateOf = async (file: string, handle: FileHandle): Promise<FileState> =>
  stateIn(file, await handle.stat({ bigint: true }));

/** Opens the file first, so that a network file system asks its server instead of using its cache. */
const statOf = (name: string, file: string): Promise<Omit<FileStamp, 'headerHash'>> =>
  whileOpen(openRegularFile(file), ({ stats }) => ({ name, ...stateIn(file, stats) }));

/** Folder of a model's files: its own, or that of its GGUF file. */
const folderOf = (model: string): string => (isGgufPath(model) ? path.dirname(model) : model);

/** Names of the side files of a model; a GGUF file has none. */
export const sideFileNames = async (model: string): Promise<readonly string[]> =>
  isGgufPath(model) ? [] : (await readdir(model)).filter((name) => CONSUMED_FILES.has(name)).sort();

/** Stamps a model's files. Follows links: a cache that now points elsewhere has changed. */
export const stampModel = async (model: string, weightNames: readonly string[]): Promise<ModelSources> => {
  const stamp = async (name: string, isWeights: boolean): Promise<FileStamp> => {
    const file = await realpath(path.join(folderOf(model), name));
    return { ...(await statOf(name, file)), headerHash: isWeights ? await headerHashOf(file) : null };
  };
  const stamps: FileStamp[] = [];
  for (const name of await sideFileNames(model)) stamps.push(await stamp(name, false));
  for (const name of weightNames) stamps.push(await stamp(name, true));
  return stamps;
};

/** How much of a file is compared: its metadata, or the header of weight files as well. */
export type LookedAt = 'stat' | 'header';

/** Describes how a file differs from its stamp. A touched file counts: readers may have seen other bytes in between. */
const difference = async (then: FileStamp, file: string, lookedAt: LookedAt): Promise<string | null> => {
  const now = await statOf(then.name, file);
  if (now.sizeBytes !== then.sizeBytes) return `${then.name} had ${then.sizeBytes} bytes and has ${now.sizeBytes}`;
  if (now.inode !== then.inode || now.device !== then.device || now.file !== then.file)
    return `${then.name} is another file now`;
  if (now.modifiedNs !== then.modifiedNs) return `${then.name} was written to`;
  if (now.changedNs !== then.changedNs) return `${then.name} was touched, and may have had other content meanwhile`;
  const isRead = then.headerHash !== null && lookedAt === 'header';
  return isRead && (await headerHashOf(file)) !== then.headerHash ? `${then.name} has another header` : null;
};

/**
 * Describes differences of a model's files from their stamps, one per file. `header` also reads the headers of all
 * weight files, for file systems without change times; too slow between two steps of a model with a hundred shards.
 */
export const changedSources = async (
  model: string,
  sources: ModelSources,
  lookedAt: LookedAt = 'header',
): Promise<readonly string[]> => {
  const changes: string[] = [];
  for (const then of sources) {
    try {
      const file = await realpath(path.join(folderOf(model), then.name));
      const change = await difference(then, file, lookedAt);
      if (change !== null) changes.push(change);
    } catch (error) {
      // Gone, or replaced by a pipe, device or folder.
      if (fileErrorCode(error) === null && !(error instanceof WorkbenchError)) throw error;
      changes.push(`${then.name} can no longer be read`);
    }
  }
  const names = new Set(sources.map(({ name }) => name));
  const there = await sideFileNames(model).catch((error: unknown): readonly string[] => {
    if (fileErrorCode(error) !== null) return [];
    throw error;
  });
  return [...changes, ...there.filter((name) => !names.has(name)).map((name) => `${name} is new`)];
};
