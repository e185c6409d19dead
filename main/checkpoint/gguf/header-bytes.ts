import { openToRead } from '../../files/regular-file.ts';
import type { ReadBytes } from '../safetensors-header.ts';

/** Maximum bytes of a header: the largest vocabularies with their merges take a tenth of it. */
const MAX_HEADER_BYTES = 2 ** 28;
const FIRST_READ_BYTES = 2 ** 16;

/** Thrown by `HeaderBytes` at the end of the bytes read so far. */
export class TruncatedHeader extends Error {}

/**
 * Decodes the header of a GGUF file, whose length the format does not state: from ever more of its first bytes.
 * `unended` makes the error for a header that does not end within `bytes`.
 */
export const decodeHeaderOf = async <T>(
  file: string,
  decode: (bytes: Buffer, sizeBytes: number) => T,
  unended: (bytes: number, sizeBytes: number) => Error,
): Promise<T> => {
  const { handle, sizeBytes } = await openToRead(file);
  try {
    const read: ReadBytes = async (offset, length) =>
      (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
    return await decodeHeaderFrom(sizeBytes, read, decode, unended);
  } finally {
    await handle.close();
  }
};

/** The same for a file that is read in parts, wherever it is. */
export const decodeHeaderFrom = async <T>(
  sizeBytes: number,
  read: ReadBytes,
  decode: (bytes: Buffer, sizeBytes: number) => T,
  unended: (bytes: number, sizeBytes: number) => Error,
): Promise<T> => {
  for (let length = FIRST_READ_BYTES; ; length *= 8) {
    const bytes = await read(0, Math.min(length, sizeBytes, MAX_HEADER_BYTES));
    try {
      return decode(bytes, sizeBytes);
    } catch (error) {
      if (!(error instanceof TruncatedHeader)) throw error;
      if (bytes.length < length) throw unended(bytes.length, sizeBytes);
    }
  }
};

/** Reads one value after the other; throws a TruncatedHeader at the end of the bytes. */
export class HeaderBytes {
  readonly #bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.position;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new TruncatedHeader();
    this.position += length;
    return this.#bytes.subarray(this.position - length, this.position);
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  text(): string {
    return this.take(this.uint64()).toString();
  }
}
