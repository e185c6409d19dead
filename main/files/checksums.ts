import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { WorkbenchError } from '../contract/errors.ts';
import { openToRead, readTextIfThere } from './regular-file.ts';
import { writeFileAtomically } from './write-atomically.ts';

/** Name of the list that a folder carries (an export, a run that has ended); `sha256sum --check` reads it. */
export const CHECKSUM_FILE = 'checksums.sha256';

/** A list has a line for each file of its folder. */
const MAX_LIST_BYTES = 2 ** 20;

/** SHA-256 of a regular file in hexadecimal. @throws WorkbenchError as `openToRead`. */
export const fileChecksum = async (file: string, signal?: AbortSignal): Promise<string> => {
  const hash = createHash('sha256').setEncoding('hex');
  const { handle } = await openToRead(file);
  await pipeline(handle.createReadStream(), hash, signal === undefined ? {} : { signal });
  return String(hash.read());
};

/** The list's text, sorted by name. */
export const checksumList = (checksums: ReadonlyMap<string, string>): string =>
  [...checksums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, checksum]) => `${checksum}  ${name}\n`)
    .join('');

/** A line of a list; null for anything else. */
export const checksumOfLine = (line: string): { readonly checksum: string; readonly name: string } | null => {
  const [, checksum, name] = /^([0-9a-f]{64}) [ *]([^/\\\0]+)$/.exec(line) ?? [];
  return checksum === undefined || name === undefined ? null : { checksum, name };
};

/** A folder's list as it stands there; null where it has none. @throws WorkbenchError as `readTextIfThere`. */
export const readChecksumList = (folder: string): Promise<string | null> =>
  readTextIfThere(join(folder, CHECKSUM_FILE), { mostBytes: MAX_LIST_BYTES });

/** Writes the list of files into a folder, by the names that they have there; `files`: where each lies now. */
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
 * Checksums of a folder's files by name; null where it has no list.
 *
 * @throws WorkbenchError `checksums-damaged`, and as `readTextIfThere`.
 */
export const readChecksums = async (folder: string): Promise<ReadonlyMap<string, string> | null> => {
  const list = await readChecksumList(folder);
  if (list === null) return null;
  const checksums = new Map<string, string>();
  for (const line of list.split('\n').filter((each) => each !== '')) {
    const read = checksumOfLine(line);
    if (read === null || checksums.has(read.name))
      throw new WorkbenchError(
        'checksums-damaged',
        'failed',
        `${join(folder, CHECKSUM_FILE)} holds ${JSON.stringify(line.slice(0, 100))}, which is no line of a checksum list.`,
        'Restore the file from where the folder was made.',
      );
    checksums.set(read.name, read.checksum);
  }
  return checksums;
};
