import { ggufTypeOf, ggufTypes, tensorBytes } from '../../checkpoint/gguf/gguf-types.ts';
import { decodeHeaderOf, HeaderBytes, TruncatedHeader } from '../../checkpoint/gguf/header-bytes.ts';
import type { GgufTensorInfo } from '../../checkpoint/gguf/read-gguf.ts';
import { ggufType, type GgufType } from '../../contract/export.ts';
import { assertNever, refuse } from '../../contract/errors.ts';

/** A metadata value of a kind that exports use. */
export type GgufValue =
  | { readonly kind: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'bools'; readonly value: readonly boolean[] }
  | { readonly kind: 'int32s' | 'float32s'; readonly value: readonly number[] };

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

export interface GgufHeader {
  readonly metadata: GgufMetadata;
  readonly tensors: readonly TensorInfo[];
}

const MAGIC = Buffer.from('GGUF');
const VERSION = 3;
/** Alignment of the data and of each tensor; the format's default. */
const ALIGNMENT = 32;
export const aligned = (offset: number, alignment = ALIGNMENT): number => Math.ceil(offset / alignment) * alignment;

/** Types of metadata values (gguf.h, `enum gguf_type`). */
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const arrayKinds = { strings: 'string', bools: 'bool', int32s: 'int32', float32s: 'float32' } as const;
/** Maximum number of dimensions of a tensor. */
const MAX_DIMENSIONS = 4;

export const whole = (bytes: 4 | 8, value: number): Buffer => {
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
  const header = Buffer.concat([...parts, ...infos.map(tensorEntry)]);
  const start = aligned(header.length);
  return {
    bytes: Buffer.concat([header, Buffer.alloc(start - header.length)]),
    tensors: infos.map((tensor) => ({ ...tensor, byteOffset: start + tensor.byteOffset })),
  };
};

/**
 * Reads the header of a GGUF file written by the workbench.
 *
 * @throws WorkbenchError `bad-gguf`: not a GGUF file of version 3, of another byte order, cut off, or with kinds of
 * values or tensors that no export has.
 */
export const readGgufHeader = (file: string): Promise<GgufHeader> =>
  decodeHeaderOf(
    file,
    (bytes, sizeBytes) => decodeHeader(bytes, sizeBytes, file),
    (bytes) => bad(file, `its header does not end within ${String(bytes)} bytes`),
  );

const bad = (file: string, what: string): Error =>
  refuse('bad-gguf', `${file} is not a GGUF file of the workbench: ${what}.`, 'Export it again.');

const decodeHeader = (bytes: Buffer, fileBytes: number, file: string): GgufHeader => {
  const cursor = new HeaderBytes(bytes);
  if (!cursor.take(4).equals(MAGIC)) throw bad(file, 'it does not start with "GGUF"');
  const version = cursor.uint32();
  if (version !== VERSION) throw bad(file, `it is of version ${String(version)}`);
  const [tensorCount, valueCount] = [cursor.uint64(), cursor.uint64()];
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
    const dimensions = cursor.uint32();
    if (dimensions > MAX_DIMENSIONS) throw bad(file, `tensor "${name}" has ${String(dimensions)} dimensions`);
    const shape = Array.from({ length: dimensions }, () => cursor.uint64()).reverse();
    const number = cursor.uint32();
    const named = ggufTypeOf(number);
    const type = named === 'i32' ? named : ggufType.safeParse(named).data;
    if (type === undefined) throw bad(file, `tensor "${name}" is of type ${String(number)}`);
    infos.push({ name, type, shape, byteOffset: cursor.uint64(), byteLength: tensorBytes(type, shape) });
  }
  const start = aligned(cursor.position);
  const tensors = infos.map((info) => ({ ...info, byteOffset: start + info.byteOffset }));
  const outside = tensors.find(({ byteOffset, byteLength }) => byteOffset + byteLength > fileBytes);
  if (outside !== undefined) throw bad(file, `it ends inside tensor "${outside.name}"`);
  return { metadata, tensors };
};

const decodeValue = (cursor: HeaderBytes, problem: (what: string) => Error): GgufValue => {
  const type = cursor.uint32();
  switch (type) {
    case valueTypes.uint32:
      return { kind: 'uint32', value: cursor.uint32() };
    case valueTypes.int32:
      return { kind: 'int32', value: cursor.take(4).readInt32LE() };
    case valueTypes.float32:
      return { kind: 'float32', value: cursor.take(4).readFloatLE() };
    case valueTypes.bool:
      return { kind: 'bool', value: cursor.take(1)[0] === 1 };
    case valueTypes.string:
      return { kind: 'string', value: cursor.text() };
    case valueTypes.array: {
      const member = cursor.uint32();
      const length = cursor.uint64();
      if (length > cursor.left) throw new TruncatedHeader();
      const all = <T>(read: () => T): readonly T[] => Array.from({ length }, read);
      if (member === valueTypes.string) return { kind: 'strings', value: all(() => cursor.text()) };
      if (member === valueTypes.bool) return { kind: 'bools', value: all(() => cursor.take(1)[0] === 1) };
      if (member === valueTypes.int32) return { kind: 'int32s', value: all(() => cursor.take(4).readInt32LE()) };
      if (member === valueTypes.float32) return { kind: 'float32s', value: all(() => cursor.take(4).readFloatLE()) };
      throw problem(`is a list of values of type ${String(member)}`);
    }
    default:
      throw problem(`is a value of type ${String(type)}`);
  }
};
