import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { openRegularFile } from '../files/regular-file.ts';
import { type TensorToWrite, writeSafetensors } from './write-safetensors.ts';

/**
 * Safetensors files that identify themselves: their metadata begins with the key of the step that they store and the
 * SHA-256 (hexadecimal) of the whole file, computed with zeros in place of these digits.
 */

const DIGITS = 64;
const ZEROS = '0'.repeat(DIGITS);
/** Bytes before a header: its length. */
const LENGTH_BYTES = 8;
const CHUNK_BYTES = 4 * 2 ** 20;

/** Beginning of a header, up to the digits. */
const beginning = (key: string): string => `{"__metadata__":{"step":${JSON.stringify(key)},"sha256":"`;

export interface TensorContent {
  readonly tensors: readonly TensorToWrite[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Writes a sealed file and flushes it; `file` must not exist. Returns its SHA-256. */
export const writeSealedTensors = async (
  file: string,
  key: string,
  { tensors, metadata = {} }: TensorContent,
): Promise<string> => {
  if ('step' in metadata || 'sha256' in metadata) throw new Error('the names step and sha256 belong to the seal');
  const hash = createHash('sha256');
  if ('step' in metadata || 'sha256' in metadata)
    throw new Error('the names step and sha256 belong to the seal of a tensor file');
  const all = { step: key, sha256: ZEROS, ...metadata };
  await writeSafetensors(file, tensors, all, (bytes) => hash.update(bytes));
  const digest = hash.digest('hex');
  const handle = await open(file, 'r+');
  try {
    await handle.write(digest, LENGTH_BYTES + beginning(key).length);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return digest;
};

const statedDigest = async (handle: FileHandle, key: string): Promise<string | null> => {
  const start = beginning(key);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(start.length + DIGITS), 0, null, LENGTH_BYTES);
  const text = buffer.toString('latin1', 0, bytesRead);
  const digits = text.slice(start.length);
  return text.startsWith(start) && /^[0-9a-f]{64}$/.test(digits) ? digits : null;
};

/** Whether a file states a step and a hash, which files of other origin or of early versions do not. */
export const isSealed = async (file: string): Promise<boolean> => {
  const { handle } = await openRegularFile(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(64), 0, 64, LENGTH_BYTES);
    return buffer.toString('latin1').startsWith('{"__metadata__":{"step":"');
  } finally {
    await handle.close();
  }
};

/**
 * Reads a whole file that was sealed for `key`.
 *
 * @returns its SHA-256; null if it is another file or was changed.
 */
export const sealOf = async (file: string, key: string): Promise<string | null> => {
  const { handle, sizeBytes } = await openRegularFile(file);
  try {
    const stated = await statedDigest(handle, key);
    if (stated === null) return null;
    const hash = createHash('sha256');
    const digitsAt = LENGTH_BYTES + beginning(key).length;
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, sizeBytes)));
    for (let at = 0; ;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      // The beginning fits into the first chunk, which is only shorter at the end of the file.
      if (at === 0) bytes.write(ZEROS, digitsAt);
      hash.update(bytes);
      at += bytesRead;
    }
    return hash.digest('hex') === stated ? stated : null;
  } finally {
    await handle.close();
  }
};
