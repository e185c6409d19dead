import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { CancelledError, fail, type WorkbenchError } from '../contract/errors.ts';
import { openToRead, readFully, whileOpen } from '../files/regular-file.ts';
import { maxOf } from '../statistics/extremes.ts';

/** What a file contained when it was hashed. */
export interface FileHashes {
  /** SHA-256 of the whole file in hexadecimal, as `sha256sum`, git-lfs and the Hub name it. */
  readonly sha256: string;
  readonly pieceBytes: number;
  /** CRC-32 of each piece of `pieceBytes` bytes, in order; the last piece may be shorter. */
  readonly pieces: Uint32Array;
}

/** Bytes in memory at a time. */
const CHUNK_BYTES = 4 * 2 ** 20;
const LEAST_PIECE_BYTES = 4 * 2 ** 10;
/** A reader of a part of a piece reads the whole piece. */
const MOST_PIECE_BYTES = 256 * 2 ** 10;
const MANY_PIECES = 2 ** 16;

/** At most 65,536 pieces, as long as each is small enough to be read again beside a tensor. */
const pieceBytesOf = (sizeBytes: number): number => {
  let bytes = LEAST_PIECE_BYTES;
  while (bytes < MOST_PIECE_BYTES && bytes * MANY_PIECES < sizeBytes) bytes *= 2;
  return bytes;
};

export interface Hashing {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes read since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Called with every byte, in order. */
  readonly also?: ((bytes: Uint8Array) => void) | undefined;
}

/** Hashes an open file; the next bytes are read while these are hashed. @throws CancelledError on an abort. */
export const hashOpenFile = async (
  handle: FileHandle,
  sizeBytes: number,
  { signal, onBytes, also }: Hashing,
): Promise<FileHashes> => {
  const pieceBytes = pieceBytesOf(sizeBytes);
  const pieces = new Uint32Array(Math.ceil(sizeBytes / pieceBytes));
  const hash = createHash('sha256');
  const chunkBytes = Math.min(CHUNK_BYTES, Math.max(1, sizeBytes));
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  let reading = readFully(handle, buffers[0], 0);
  for (let start = 0, turn = 0; start < sizeBytes; turn += 1) {
    const bytes = (await reading).subarray(0, sizeBytes - start);
    if (signal?.aborted === true) throw new CancelledError('Reading the model');
    if (bytes.length === 0) break;
    const next = start + bytes.length;
    if (next < sizeBytes) reading = readFully(handle, turn % 2 === 0 ? buffers[1] : buffers[0], next);
    hash.update(bytes);
    also?.(bytes);
    for (let at = 0; at < bytes.length; at += pieceBytes)
      pieces[(start + at) / pieceBytes] = crc32(bytes.subarray(at, at + pieceBytes));
    onBytes?.(bytes.length);
    start = next;
  }
  await reading.catch(() => undefined);
  return { sha256: hash.digest('hex'), pieceBytes, pieces };
};

/** Bytes of a file. */
export interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** A file of a model, whose bytes are compared with those that were hashed wherever they are read. */
export class FileContent {
  /** Its name in the model's folder. */
  readonly name: string;
  readonly file: string;
  /** Null: not hashed yet. */
  hashes: FileHashes | null = null;

  constructor(name: string, file: string) {
    this.name = name;
    this.file = file;
  }

  /**
   * Refuses bytes, read from position `start` on, that are not those that were hashed; a file that was not hashed is
   * not compared. `handle`: of the file.
   *
   * @throws WorkbenchError failed: `model-changed`.
   */
  async requireSame(bytes: Uint8Array, start: number, handle: FileHandle): Promise<void> {
    const { hashes } = this;
    if (hashes === null || bytes.length === 0) return;
    const { pieceBytes, pieces } = hashes;
    const end = start + bytes.length;
    for (let piece = Math.floor(start / pieceBytes); piece * pieceBytes < end; piece += 1) {
      const [from, to] = [piece * pieceBytes, (piece + 1) * pieceBytes];
      let sum: number;
      if (from >= start && to <= end) sum = crc32(bytes.subarray(from - start, to - start));
      else {
        // The rest of the piece is read; the given bytes are those that count.
        const whole = await readFully(handle, Buffer.allocUnsafe(pieceBytes), from);
        const part = bytes.subarray(Math.max(0, from - start), Math.min(bytes.length, to - start));
        if (Math.max(start, from) - from + part.length <= whole.length) whole.set(part, Math.max(start, from) - from);
        sum = crc32(whole);
      }
      if (sum !== pieces[piece]) throw this.changed();
    }
  }

  /** Whether the bytes of stretches of the file are still those that were hashed; true if it was not hashed. */
  async areSame(stretches: readonly Stretch[]): Promise<boolean> {
    const { hashes } = this;
    if (hashes === null) return true;
    const { pieceBytes, pieces } = hashes;
    const whole = stretches.map(({ start, length }) => ({
      first: Math.floor(start / pieceBytes) * pieceBytes,
      last: Math.ceil((start + length) / pieceBytes) * pieceBytes,
    }));
    const buffer = Buffer.allocUnsafe(
      Math.min(CHUNK_BYTES, maxOf([0, ...whole.map(({ first, last }) => last - first)])),
    );
    return whileOpen(openToRead(this.file), async ({ handle }) => {
      for (const { first, last } of whole)
        for (let from = first; from < last; from += CHUNK_BYTES) {
          const length = Math.min(CHUNK_BYTES, last - from);
          const bytes = await readFully(handle, buffer.subarray(0, length), from);
          for (let at = 0; at < length; at += pieceBytes)
            if (crc32(bytes.subarray(at, at + pieceBytes)) !== pieces[(from + at) / pieceBytes]) return false;
        }
      return true;
    });
  }

  changed(): WorkbenchError {
    return fail(
      'model-changed',
      `${this.file} contains other bytes than when it was hashed.`,
      'Restore the file, or start again with the model as it is now.',
    );
  }
}
