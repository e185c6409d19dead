import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { openRegularFile, whileOpen } from '../files/regular-file.ts';
import { flushed } from '../files/write-atomically.ts';
import { type TensorToWrite, writeSafetensors } from './write-safetensors.ts';

/**
 * Safetensors files that identify themselves: their metadata begins with the key of the step that they store, the
 * SHA-256 (hexadecimal) of the whole file, computed with zeros in place of these digits and blanks in place of the
 * marks, and the marks of those who made it, filled up with blanks.
 */

const DIGITS = 64;
const ZEROS = '0'.repeat(DIGITS);
/** Characters of marks at most. */
export const MARKS_ROOM = 640;
const BLANKS = ' '.repeat(MARKS_ROOM);
const BEFORE_MARKS = '","marks":"';
/** Bytes before a header: its length. */
const LENGTH_BYTES = 8;
const CHUNK_BYTES = 4 * 2 ** 20;

/** Beginning of a header, up to the digits. */
const beginning = (key: string): string => `{"__metadata__":{"step":${JSON.stringify(key)},"sha256":"`;

export interface TensorContent {
  readonly tensors: readonly TensorToWrite[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes a sealed file and flushes it; `file` must not exist. `marksOf`: the marks for its hash, in at most
 * `MARKS_ROOM` characters. Returns its SHA-256.
 */
export const writeSealedTensors = async (
  file: string,
  key: string,
  { tensors, metadata = {} }: TensorContent,
  marksOf: (sha256: string) => Promise<string> | string = () => '',
): Promise<string> => {
  if (['step', 'sha256', 'marks'].some((name) => name in metadata))
    throw new Error('the names step, sha256 and marks belong to the seal of a tensor file');
  const hash = createHash('sha256');
  const all = { step: key, sha256: ZEROS, marks: BLANKS, ...metadata };
  await writeSafetensors(file, tensors, all, (bytes) => hash.update(bytes));
  const digest = hash.digest('hex');
  const marks = await marksOf(digest);
  if (marks.length > MARKS_ROOM) throw new Error('more marks than there is room for');
  await flushed(open(file, 'r+'), (handle) =>
    handle.write(`${digest}${BEFORE_MARKS}${marks}`, LENGTH_BYTES + beginning(key).length),
  );
  return digest;
};

/** What a file states of itself. Files of earlier versions have no room for marks. */
export interface TensorSeal {
  readonly sha256: string;
  /** Without the blanks; null: there is no room for any. */
  readonly marks: string | null;
}

const readStated = async (handle: FileHandle, key: string): Promise<TensorSeal | null> => {
  const start = beginning(key);
  const length = start.length + DIGITS + BEFORE_MARKS.length + MARKS_ROOM + 1;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, null, LENGTH_BYTES);
  const text = buffer.toString('latin1', 0, bytesRead);
  const sha256 = text.slice(start.length, start.length + DIGITS);
  if (!text.startsWith(start) || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  const rest = text.slice(start.length + DIGITS);
  const marks = rest.slice(BEFORE_MARKS.length, -1);
  const hasRoom = rest.startsWith(BEFORE_MARKS) && rest.endsWith('"') && /^[0-9a-f]* *$/.test(marks);
  return { sha256, marks: hasRoom && marks.length === MARKS_ROOM ? marks.trimEnd() : null };
};

/** What a file states without reading the rest of it; null if it does not state this key and a hash. */
export const statedTensorSeal = (file: string, key: string): Promise<TensorSeal | null> =>
  whileOpen(openRegularFile(file), ({ handle }) => readStated(handle, key));

/** Whether a file states a step and a hash, which files of other origin or of early versions do not. */
export const isSealed = (file: string): Promise<boolean> =>
  whileOpen(openRegularFile(file), async ({ handle }) => {
    const { buffer } = await handle.read(Buffer.alloc(64), 0, 64, LENGTH_BYTES);
    return buffer.toString('latin1').startsWith('{"__metadata__":{"step":"');
  });

/**
 * Reads a whole file that was sealed for `key`.
 *
 * @returns its SHA-256 and marks; null if it is another file or was changed.
 */
export const sealOf = (file: string, key: string): Promise<TensorSeal | null> =>
  whileOpen(openRegularFile(file), async ({ handle, sizeBytes }) => {
    const stated = await readStated(handle, key);
    if (stated === null) return null;
    const hash = createHash('sha256');
    const digitsAt = LENGTH_BYTES + beginning(key).length;
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, sizeBytes)));
    for (let at = 0; ;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      // The beginning fits into the first chunk, which is only shorter at the end of the file.
      if (at === 0) {
        bytes.write(ZEROS, digitsAt);
        if (stated.marks !== null) bytes.write(BLANKS, digitsAt + DIGITS + BEFORE_MARKS.length);
      }
      hash.update(bytes);
      at += bytesRead;
    }
    return hash.digest('hex') === stated.sha256 ? stated : null;
  });
