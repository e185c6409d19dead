import { open } from 'node:fs/promises';
import { flushed } from '../files/write-atomically.ts';
import type { TensorDtype } from './descriptor.ts';

/**
 * A tensor to write. Its bytes are requested in turn, whole or in chunks, so that a file and even a single tensor may
 * be larger than memory; a chunk counts until the next is requested.
 */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly bytes: () => Promise<Uint8Array> | Uint8Array | AsyncIterable<Uint8Array>;
}

/** Alignment of the data, as in the reference implementation. */
const HEADER_ALIGNMENT = 8;

/** The beginning of a safetensors file: the length of its header, and the header. */
const fileStart = (
  tensors: readonly Omit<TensorToWrite, 'bytes'>[],
  metadata: Readonly<Record<string, string>>,
): Buffer => {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let offset = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    entries.push([name, { dtype, shape, data_offsets: [offset, offset + byteLength] }]);
    offset += byteLength;
  }
  const json = JSON.stringify(Object.fromEntries(entries));
  const padding = (HEADER_ALIGNMENT - (Buffer.byteLength(json) % HEADER_ALIGNMENT)) % HEADER_ALIGNMENT;
  const header = Buffer.from(json + ' '.repeat(padding));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header]);
};

/** Size in bytes of the file that `writeSafetensors` writes. */
export const safetensorsBytes = (
  tensors: readonly Omit<TensorToWrite, 'bytes'>[],
  metadata: Readonly<Record<string, string>> = {},
): number => tensors.reduce((sum, { byteLength }) => sum + byteLength, fileStart(tensors, metadata).length);

/**
 * Writes a safetensors file (tensors in the given order, data contiguous) and flushes it to disk. The caller writes to
 * a temporary name and renames. `onBytes` receives every byte of the file once, in order. Returns the size in bytes.
 */
export const writeSafetensors = async (
  file: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
  onBytes: (bytes: Uint8Array) => void = () => undefined,
): Promise<number> => {
  const start = fileStart(tensors, metadata);
  let size = start.length;
  await flushed(open(file, 'wx'), async (handle) => {
    const write = async (bytes: Uint8Array): Promise<void> => {
      await handle.writeFile(bytes);
      onBytes(bytes);
    };
    await write(start);
    for (const tensor of tensors) {
      let written = 0;
      for await (const bytes of chunksOf(tensor.bytes())) {
        await write(bytes);
        written += bytes.length;
      }
      size += written;
      if (written !== tensor.byteLength) {
        throw new Error(`tensor "${tensor.name}" gave ${written} bytes instead of ${tensor.byteLength}`);
      }
    }
  });
  return size;
};

const chunksOf = (
  bytes: ReturnType<TensorToWrite['bytes']>,
): AsyncIterable<Uint8Array> | readonly (Promise<Uint8Array> | Uint8Array)[] =>
  Symbol.asyncIterator in bytes ? bytes : [bytes];

export const tensorInMemory = (
  name: string,
  dtype: TensorDtype,
  shape: readonly number[],
  data: Uint8Array | Float32Array | Float64Array | Int32Array,
): TensorToWrite => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype, shape, byteLength: bytes.length, bytes: () => bytes };
};
