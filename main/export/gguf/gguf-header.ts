import { ggufTypes } from '../../contract/export.ts';
import { assertNever, refuse } from '../../contract/errors.ts';
import { openToRead } from '../../files/regular-file.ts';

/** Supported types of tensor values, with the format's numbers (ggml.h, `enum ggml_type`). */
export const tensorTypes = { f32: 0, f16: 1, q4_0: 2, q4_1: 3, q5_0: 6, q5_1: 7, q8_0: 8, bf16: 30 } as const;
export type TensorType = keyof typeof tensorTypes;

/** Values of a block: each has a float16 scale, codes, and in Q4_1 and Q5_1 a float16 least value. */
export const BLOCK_VALUES = 32;

/** Bytes of a block of 32 values. */
export const blockBytes = { q8_0: 34, q5_1: 24, q5_0: 22, q4_1: 20, q4_0: 18 } as const;
export type BlockType = keyof typeof blockBytes;

export const isBlockType = (type: TensorType): type is BlockType => type in blockBytes;

/** Bytes of a row of `columns` values; types in blocks require whole blocks. */
export const rowBytes = (type: TensorType, columns: number): number => {
  if (isBlockType(type)) return (columns / BLOCK_VALUES) * blockBytes[type];
  return (type === 'f32' ? 4 : 2) * columns;
};

/** A metadata value of a kind that exports use. */
export type GgufValue =
  | { readonly kind: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'int32s' | 'float32s'; readonly value: readonly number[] };

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** Rows first, as everywhere in the workbench; the file stores them in reverse. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface GgufHeader {
  readonly metadata: GgufMetadata;
  readonly tensors: readonly TensorInfo[];
}

const MAGIC = Buffer.from('GGUF');
const VERSION = 3;
/** Alignment of the data and of each tensor; the format's default. */
const ALIGNMENT = 32;
export const aligned = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT;

/** Types of metadata values (gguf.h, `enum gguf_type`). */
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const arrayKinds = { strings: 'string', int32s: 'int32', float32s: 'float32' } as const;
/** Maximum number of dimensions of a tensor. */
const MAX_DIMENSIONS = 4;

export const tensorBytes = (type: TensorType, shape: readonly number[]): number =>
  shape.slice(0, -1).reduce((rows, length) => rows * length, 1) * rowBytes(type, shape.at(-1) ?? 1);

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

const arrayStart = (kind: keyof typeof arrayKinds, length: number): readonly Buffer[] => [
  whole(4, valueTypes.array),
  whole(4, valueTypes[arrayKinds[kind]]),
  whole(8, length),
];

/**
 * Encodes the header of a GGUF file (version 3, little-endian; ggml's docs/gguf.md) with the tensors in the given
 * order, and returns their positions. The header is padded to the start of the data.
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
  const parts = [MAGIC, whole(4, VERSION), whole(8, tensors.length), whole(8, metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), encodeValue(value));
  for (const { name, type, shape, byteOffset } of infos) {
    parts.push(text(name), whole(4, shape.length));
    for (const length of [...shape].reverse()) parts.push(whole(8, length));
    parts.push(whole(4, tensorTypes[type]), whole(8, byteOffset));
  }
  const header = Buffer.concat(parts);
  const start = aligned(header.length);
  return {
    bytes: Buffer.concat([header, Buffer.alloc(start - header.length)]),
    tensors: infos.map((tensor) => ({ ...tensor, byteOffset: start + tensor.byteOffset })),
  };
};

/** Limit for a header: the largest vocabularies take a hundredth of it. */
const MAX_HEADER_BYTES = 2 ** 28;
const FIRST_READ_BYTES = 2 ** 16;

class TruncatedHeader extends Error {}

/**
 * Reads the header of a GGUF file written by the workbench.
 *
 * @throws WorkbenchError `bad-gguf`: not a GGUF file of version 3, of another byte order, cut off, or with kinds of
 * values or tensors that no export has.
 */
export const readGgufHeader = async (file: string): Promise<GgufHeader> => {
  const { handle, sizeBytes: size } = await openToRead(file);
  try {
    for (let length = FIRST_READ_BYTES; ; length *= 8) {
      const bytes = Buffer.alloc(Math.min(length, size, MAX_HEADER_BYTES));
      await handle.read(bytes, 0, bytes.length, 0);
      try {
        return decodeHeader(bytes, size, file);
      } catch (error) {
        if (!(error instanceof TruncatedHeader)) throw error;
        if (bytes.length < length) throw bad(file, `its header does not end within ${String(bytes.length)} bytes`);
      }
    }
  } finally {
    await handle.close();
  }
};

const bad = (file: string, what: string): Error =>
  refuse('bad-gguf', `${file} is not a GGUF file of the workbench: ${what}.`, 'Export it again.');

const decodeHeader = (bytes: Buffer, fileBytes: number, file: string): GgufHeader => {
  const cursor = new Cursor(bytes);
  if (!cursor.take(4).equals(MAGIC)) throw bad(file, 'it does not start with "GGUF"');
  const version = cursor.whole(4);
  if (version !== VERSION) throw bad(file, `it is of version ${String(version)}`);
  const [tensorCount, valueCount] = [cursor.whole(8), cursor.whole(8)];
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < valueCount; index += 1) {
    const key = cursor.text();
    metadata.set(
      key,
      decodeValue(cursor, (what) => bad(file, `"${key}" ${what}`)),
    );
  }
  const infos: TensorInfo[] = [];
  for (let index = 0; index < tensorCount; index += 1) {
    const name = cursor.text();
    const dimensions = cursor.whole(4);
    if (dimensions > MAX_DIMENSIONS) throw bad(file, `tensor "${name}" has ${String(dimensions)} dimensions`);
    const shape = Array.from({ length: dimensions }, () => cursor.whole(8)).reverse();
    const number = cursor.whole(4);
    const type = typeNames.get(number);
    if (type === undefined) throw bad(file, `tensor "${name}" is of type ${String(number)}`);
    infos.push({ name, type, shape, byteOffset: cursor.whole(8), byteLength: tensorBytes(type, shape) });
  }
  const start = aligned(cursor.position);
  const tensors = infos.map((info) => ({ ...info, byteOffset: start + info.byteOffset }));
  const outside = tensors.find(({ byteOffset, byteLength }) => byteOffset + byteLength > fileBytes);
  if (outside !== undefined) throw bad(file, `it ends inside tensor "${outside.name}"`);
  return { metadata, tensors };
};

const typeNames: ReadonlyMap<number, TensorType> = new Map(ggufTypes.map((type) => [tensorTypes[type], type]));

const decodeValue = (cursor: Cursor, problem: (what: string) => Error): GgufValue => {
  const type = cursor.whole(4);
  switch (type) {
    case valueTypes.uint32:
      return { kind: 'uint32', value: cursor.whole(4) };
    case valueTypes.int32:
      return { kind: 'int32', value: cursor.take(4).readInt32LE() };
    case valueTypes.float32:
      return { kind: 'float32', value: cursor.take(4).readFloatLE() };
    case valueTypes.bool:
      return { kind: 'bool', value: cursor.take(1)[0] === 1 };
    case valueTypes.string:
      return { kind: 'string', value: cursor.text() };
    case valueTypes.array: {
      const member = cursor.whole(4);
      const length = cursor.whole(8);
      if (length > cursor.left) throw new TruncatedHeader();
      const all = <T>(read: () => T): readonly T[] => Array.from({ length }, read);
      if (member === valueTypes.string) return { kind: 'strings', value: all(() => cursor.text()) };
      if (member === valueTypes.int32) return { kind: 'int32s', value: all(() => cursor.take(4).readInt32LE()) };
      if (member === valueTypes.float32) return { kind: 'float32s', value: all(() => cursor.take(4).readFloatLE()) };
      throw problem(`is a list of values of type ${String(member)}`);
    }
    default:
      throw problem(`is a value of type ${String(type)}`);
  }
};

/** Reads one value after the other; throws a TruncatedHeader at the end of the bytes. */
class Cursor {
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

  whole(bytes: 4 | 8): number {
    const taken = this.take(bytes);
    return bytes === 4 ? taken.readUInt32LE() : Number(taken.readBigUInt64LE());
  }

  text(): string {
    return this.take(this.whole(8)).toString();
  }
}
