import type { GgufValue } from '../../checkpoint/gguf/gguf-metadata.ts';
import { ggufTypes, tensorBytes } from '../../checkpoint/gguf/gguf-types.ts';
import type { GgufTensorInfo } from '../../checkpoint/gguf/read-gguf.ts';
import type { GgufType } from '../../contract/export.ts';
import { assertNever } from '../../contract/errors.ts';

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Types of tensors that exports write: those of weights, and tables of whole numbers. */
export type WrittenType = GgufType | 'i32';

export interface TensorInfo {
  readonly name: string;
  readonly type: WrittenType;
  /** Rows first, as everywhere in the workbench; the file stores them in reverse. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

const MAGIC = Buffer.from('GGUF');
const VERSION = 3;
/** Alignment of the data and of each tensor; the format's default. */
const ALIGNMENT = 32;
export const aligned = (offset: number, alignment = ALIGNMENT): number => Math.ceil(offset / alignment) * alignment;

/** Types of metadata values (gguf.h, `enum gguf_type`). */
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const arrayKinds = { strings: 'string', bools: 'bool', int32s: 'int32', float32s: 'float32' } as const;

const whole = (bytes: 4 | 8, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeUInt32LE(value);
  else buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([whole(8, bytes.length), bytes]);
};
const scalar = (kind: 'uint32' | 'int32' | 'float32', value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  if (kind === 'uint32') buffer.writeUInt32LE(value);
  else if (kind === 'int32') buffer.writeInt32LE(value);
  else buffer.writeFloatLE(value);
  return buffer;
};

const encodeValue = (value: GgufValue): Buffer => {
  switch (value.kind) {
    case 'uint32':
    case 'int32':
    case 'float32':
      return Buffer.concat([whole(4, valueTypes[value.kind]), scalar(value.kind, value.value)]);
    case 'bool':
      return Buffer.concat([whole(4, valueTypes.bool), Buffer.from([Number(value.value)])]);
    case 'string':
      return Buffer.concat([whole(4, valueTypes.string), text(value.value)]);
    case 'strings':
      return Buffer.concat([...arrayStart('strings', value.value.length), ...value.value.map(text)]);
    case 'bools':
      return Buffer.concat([...arrayStart('bools', value.value.length), Buffer.from(value.value.map(Number))]);
    case 'int32s':
    case 'float32s':
      return Buffer.concat([
        ...arrayStart(value.kind, value.value.length),
        ...value.value.map((each) => scalar(arrayKinds[value.kind], each)),
      ]);
    default:
      return assertNever(value);
  }
};

/** A key with its value as a header has them. */
export const metadataEntry = (key: string, value: GgufValue): Buffer => Buffer.concat([text(key), encodeValue(value)]);

const arrayStart = (kind: keyof typeof arrayKinds, length: number): readonly Buffer[] => [
  whole(4, valueTypes.array),
  whole(4, valueTypes[arrayKinds[kind]]),
  whole(8, length),
];

/** The entry of a tensor in a header; `byteOffset` counts from the start of the data. */
export const tensorEntry = ({
  name,
  type,
  shape,
  byteOffset,
}: Pick<GgufTensorInfo, 'name' | 'type' | 'shape' | 'byteOffset'>): Buffer =>
  Buffer.concat([
    text(name),
    whole(4, shape.length),
    ...[...shape].reverse().map((length) => whole(8, length)),
    whole(4, ggufTypes[type].number),
    whole(8, byteOffset),
  ]);

/** A header (ggml's docs/gguf.md), padded to the start of the data. */
export const headerBytes = (
  version: number,
  keys: readonly Uint8Array[],
  tensors: readonly Uint8Array[],
  alignment = ALIGNMENT,
): Buffer => {
  const counts = [whole(4, version), whole(8, tensors.length), whole(8, keys.length)];
  const header = Buffer.concat([MAGIC, ...counts, ...keys, ...tensors]);
  return Buffer.concat([header, Buffer.alloc(aligned(header.length, alignment) - header.length)]);
};

/**
 * Encodes the header of a GGUF file (version 3, little-endian) with the tensors in the given order, and returns their
 * positions.
 */
export const encodeHeader = (
  metadata: GgufMetadata,
  tensors: readonly Pick<TensorInfo, 'name' | 'type' | 'shape'>[],
): { readonly bytes: Buffer; readonly tensors: readonly TensorInfo[] } => {
  let offset = 0;
  const infos = tensors.map(({ name, type, shape }) => {
    const byteLength = tensorBytes(type, shape);
    const byteOffset = offset;
    offset = aligned(offset + byteLength);
    return { name, type, shape, byteOffset, byteLength };
  });
  const keys = Array.from(metadata, ([key, value]) => metadataEntry(key, value));
  const bytes = headerBytes(VERSION, keys, infos.map(tensorEntry));
  return {
    bytes,
    tensors: infos.map((tensor) => ({ ...tensor, byteOffset: bytes.length + tensor.byteOffset })),
  };
};
