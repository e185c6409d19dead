import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileErrorCode } from '../workspace/file-errors.ts';

/** Name of the list that an export carries; `sha256sum --check` reads it. */
export const CHECKSUM_FILE = 'checksums.sha256';

/** SHA-256 of a file in hexadecimal. */
export const fileChecksum = async (file: string, signal: AbortSignal): Promise<string> => {
  const hash = createHash('sha256').setEncoding('hex');
  await pipeline(createReadStream(file), hash, { signal });
  return String(hash.read());
};

/** The list's text, sorted by name. */
export const checksumList = (checksums: ReadonlyMap<string, string>): string =>
  [...checksums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, checksum]) => `${checksum}  ${name}\n`).join('');

/** What is wrong with the files that a folder's list names; nothing where it has no list. */
export const checksumProblems = async (folder: string, signal: AbortSignal): Promise<readonly string[]> => {
  const list = await readFile(path.join(folder, CHECKSUM_FILE), 'utf8').catch((error: unknown) => {
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (list === null) return [];
  const problems: string[] = [];
  for (const line of list.split('\n').filter((each) => each !== '')) {
    const [, checksum, name] = /^([0-9a-f]{64}) [ *]([^/\\]+)$/.exec(line) ?? [];
    if (checksum === undefined || name === undefined) {
      problems.push(`${CHECKSUM_FILE}: ${JSON.stringify(line.slice(0, 100))} is no line of a checksum list.`);
      continue;
    }
    const found = await fileChecksum(path.join(folder, name), signal).catch((error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return null;
      throw error;
    });
    if (found === null) problems.push(`${name} is missing, though ${CHECKSUM_FILE} lists it.`);
    else if (found !== checksum) problems.push(`${name} was changed: its checksum is not the one in ${CHECKSUM_FILE}.`);
  }
  return problems;
};
