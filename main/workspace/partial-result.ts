import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedRecord, shortName } from '../contract/bounds.ts';
import { WorkbenchError } from '../contract/errors.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { fileChecksum } from '../files/checksums.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { isLack } from '../files/process-limits.ts';
import { ifReadable, isUnread, namesIn, readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { isMarkedBy, type Maker, marksWith, thisProcess } from './maker-marks.ts';
import { contentOf, sealedJson } from './sealed-json.ts';

/** SHA-256 (hexadecimal) of files by their name. */
export type FileHashes = ReadonlyMap<string, string>;

/**
 * Files of work that is not finished, in a folder of their own, from which the same work continues after a cancel or a
 * kill. Beside the folder lies the seal: the key of the work and the SHA-256 of each file, sealed and marked as a step
 * is. Files that are not exactly those that this user's engine sealed are reported, deleted, and never continued from.
 */
export interface PartialResult {
  readonly folder: string;
  /**
   * What `open` gives, and the sealed files; null: the work starts from the beginning, and there is no folder. `open`
   * comes first: if it stamps what it opens, no edit after the hashes goes unseen.
   */
  continued<T>(open: () => Promise<T>): Promise<{ readonly opened: T; readonly files: FileHashes } | null>;
  /**
   * Seals files, by the hashes that whoever wrote them has computed, and then deletes those sealed before. Others stay:
   * they may be the next ones.
   */
  seal(files: FileHashes): Promise<void>;
  /** Seals the files of the folder as they are. */
  sealAll(): Promise<void>;
  /** Deletes the files and the seal. */
  remove(): Promise<void>;
}

const sealSchema = boundedRecord(shortName.regex(/^[^/\\\0]+$/), z.string().regex(/^[0-9a-f]{64}$/));
/** A line of a hundred bytes for each of many shards. */
const MAX_SEAL_BYTES = 16 * 2 ** 20;

/**
 * Whether an error says that files are not what they were: gone, of another kind, or damaged. Others, such as a lack of
 * memory or a disk that does not answer, must not delete hours of work.
 */
const isAboutFiles = (error: unknown): boolean =>
  error instanceof WorkbenchError
    ? !isLack(error) && !isUnread(error) && error.code !== 'cancelled'
    : ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO'].includes(fileErrorCode(error) ?? '');

/**
 * `key`: SHA-256 of everything that the work depends on; `say`: hears why files are not continued from; `maker`: whose
 * files are (default: those of this process alone).
 */
export const openPartialResult = (
  folder: string,
  key: string,
  { say, maker = thisProcess }: { readonly say: (text: string) => void; readonly maker?: Maker },
): PartialResult => {
  const sealFile = `${folder}.sealed.json`;
  let sealed: FileHashes = new Map();
  const writeSeal = async (files: FileHashes): Promise<void> => {
    const user = await maker();
    const content = canonicalJson(Object.fromEntries(files));
    // Without the marks of others: they did not see these files.
    const marksOf = (sha256: string): string => marksWith(user, { kind: 'partial', key, sha256 }, '');
    await writeFileAtomically(sealFile, sealedJson(key, content, marksOf));
  };
  const remove = async (): Promise<void> => {
    // The seal first: files without one are never used.
    await rm(sealFile, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  };
  const names = async (): Promise<readonly string[]> => {
    // A link to a folder elsewhere is none of ours.
    const facts = await ifReadable(folder, () => lstat(folder));
    return facts?.isDirectory() === true ? namesIn(folder) : [];
  };
  const sealedFiles = async (): Promise<FileHashes | string> => {
    const text = await readTextIfThere(sealFile, { mostBytes: MAX_SEAL_BYTES }).catch((error: unknown) => {
      if (isAboutFiles(error)) return '';
      throw error;
    });
    if (text === null) return 'it was ended before it had saved anything';
    const seal = contentOf(key, text);
    if (seal === null) return 'its model, settings, Python or version are others now, or its seal was changed';
    if (!isMarkedBy(await maker(), { kind: 'partial', key, sha256: seal.sha256 }, seal.marks))
      return 'another user, another machine or an earlier version made it';
    return new Map(Object.entries(sealSchema.parse(parseForeignJson(seal.content))));
  };
  const changedFile = async (files: FileHashes): Promise<string | null> => {
    const there = await names();
    for (const [name, hash] of files)
      if (!there.includes(name) || (await fileChecksum(join(folder, name))) !== hash)
        return `${join(folder, name)} was changed or damaged after it was written`;
    return null;
  };
  /** The first reason not to continue, or what was opened. */
  const tryOpen = async <T>(
    open: () => Promise<T>,
  ): Promise<string | { readonly opened: T; readonly files: FileHashes }> => {
    const files = await sealedFiles();
    if (typeof files === 'string') return files;
    const opened = await open();
    const change = await changedFile(files);
    if (change !== null) return change;
    for (const name of await names())
      if (!files.has(name)) await rm(join(folder, name), { recursive: true, force: true });
    return { opened, files };
  };
  return {
    folder,
    continued: async (open) => {
      const isThere = (await names()).length > 0;
      const found = await tryOpen(open).catch((error: unknown) => {
        if (isAboutFiles(error) && isThere) return error instanceof Error ? error.message : String(error);
        throw error;
      });
      if (typeof found !== 'string') {
        sealed = found.files;
        return found;
      }
      if (isThere) say(`Unfinished work in ${folder} is not continued: ${found}. It starts again.`);
      await remove();
      return null;
    },
    seal: async (files) => {
      await writeSeal(files);
      for (const name of sealed.keys()) if (!files.has(name)) await rm(join(folder, name), { force: true });
      sealed = files;
    },
    sealAll: async () => {
      const files = new Map<string, string>();
      for (const name of await names()) files.set(name, await fileChecksum(join(folder, name)));
      await writeSeal(files);
      sealed = files;
    },
    remove,
  };
};
