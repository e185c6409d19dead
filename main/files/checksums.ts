import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail } from '../contract/errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { openToRead, readTextIfThere, whileOpen } from './regular-file.ts';
import { writeFileAtomically } from './write-atomically.ts';

/** SHA-256 (hexadecimal) of a value as canonical JSON. */
export const contentHash = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex');

/** Name of the checksum list of a folder (an export, a run that has ended), readable by `sha256sum --check`. */
export const CHECKSUM_FILE = 'checksums.sha256';

/** A list has a line for each file of its folder. */
const MAX_LIST_BYTES = 2 ** 20;

/** A stream takes longer to set up than such a file to read. */
const READ_AT_ONCE_BYTES = 2 ** 20;

/** SHA-256 of a regular file in hexadecimal. @throws WorkbenchError those of `openToRead`. */
export const fileChecksum = (file: string, signal?: AbortSignal): Promise<string> =>
  whileOpen(openToRead(file), async ({ handle, sizeBytes }) => {
    const hash = createHash('sha256').setEncoding('hex');
    if (sizeBytes <= READ_AT_ONCE_BYTES) return hash.update(await handle.readFile()).digest('hex');
    await pipeline(handle.createReadStream({ autoClose: false }), hash, signal === undefined ? {} : { signal });
    return String(hash.read());
  });

/** The list's text, sorted by name. */
export const checksumList = (checksums: ReadonlyMap<string, string>): string =>
  [...checksums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, checksum]) => `${checksum}  ${name}\n`)
    .join('');

/** Parses a line of a list; null for any other. */
export const checksumOfLine = (line: string): { readonly checksum: string; readonly name: string } | null => {
  const [, checksum, name] = /^([0-9a-f]{64}) [ *]([^/\\\0]+)$/.exec(line) ?? [];
  return checksum === undefined || name === undefined ? null : { checksum, name };
};

/** The text of a folder's list; null if it has none. @throws WorkbenchError those of `readTextIfThere`. */
export const readChecksumList = (folder: string): Promise<string | null> =>
  readTextIfThere(join(folder, CHECKSUM_FILE), { mostBytes: MAX_LIST_BYTES });

/** Writes a checksum list into a folder, with the names that the files have there; `files`: their present paths. */
export const writeChecksums = async (
  folder: string,
  files: ReadonlyMap<string, string>,
  temporaryFolder?: string,
): Promise<void> => {
  const checksums = new Map<string, string>();
  for (const [name, file] of files) checksums.set(name, await fileChecksum(file));
  await writeFileAtomically(join(folder, CHECKSUM_FILE), checksumList(checksums), temporaryFolder);
};

/**
 * Checksums in the text of a folder's list, by name.
 *
 * @throws WorkbenchError `checksums-damaged`.
 */
export const parseChecksums = (folder: string, list: string): ReadonlyMap<string, string> => {
  const checksums = new Map<string, string>();
  for (const line of list.split('\n').filter((each) => each !== '')) {
    const read = checksumOfLine(line);
    if (read === null || checksums.has(read.name))
      throw fail(
        'checksums-damaged',
        `${join(folder, CHECKSUM_FILE)}: not a line of a checksum list: ${JSON.stringify(line.slice(0, 100))}.`,
        'Restore the file from where the folder was made.',
      );
    checksums.set(read.name, read.checksum);
  }
  return checksums;
};

/**
 * Checksums of a folder's files by name; null if it has no list.
 *
 * @throws WorkbenchError `checksums-damaged`, and those of `readTextIfThere`.
 */
export const readChecksums = async (folder: string): Promise<ReadonlyMap<string, string> | null> => {
  const list = await readChecksumList(folder);
  return list === null ? null : parseChecksums(folder, list);
};
