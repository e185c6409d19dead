import { open } from 'node:fs/promises';
import type { TensorDtype } from './descriptor.ts';

/** A tensor to write: its bytes are asked for when their turn comes, so that a file may be larger than memory. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly bytes: () => Promise<Uint8Array> | Uint8Array;
}

/** The data starts at a multiple of this, as the reference implementation writes it. */
const HEADER_ALIGNMENT = 8;

/**
 * Writes a safetensors file (tensors in the given order, data contiguous) and flushes it to disk. The caller writes to
 * a temporary name and renames. Returns the file's size in bytes.
 */
export const writeSafetensors = async (
  file: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<number> => {
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
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(Buffer.concat([length, header]));
    for (const tensor of tensors) {
      const bytes = await tensor.bytes();
      if (bytes.length !== tensor.byteLength) {
        throw new Error(`tensor "${tensor.name}" gave ${String(bytes.length)} bytes instead of ${String(tensor.byteLength)}`);
      }
      await handle.writeFile(bytes);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return length.length + header.length + offset;
};

/** A tensor already in memory. */
export const tensorInMemory = (
  name: string,
  dtype: TensorDtype,
  shape: readonly number[],
  data: Uint8Array | Float32Array | Float64Array | Int32Array,
): TensorToWrite => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype, shape, byteLength: bytes.length, bytes: () => bytes };
};
