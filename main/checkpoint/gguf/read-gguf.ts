import path from 'node:path';
import { refuse } from '../../contract/errors.ts';
import { type GgufTensorType, ggufTypeOf, ggufTypes, tensorBytes } from './gguf-types.ts';
import type { ReadBytes } from '../safetensors-header.ts';
import { openToRead, whileOpen } from '../../files/regular-file.ts';

/** Maximum bytes of a header: the largest vocabularies with their merges take a tenth of it. */
const MAX_HEADER_BYTES = 2 ** 28;
const FIRST_READ_BYTES = 2 ** 16;

/** Thrown by `Cursor` at the end of the bytes read so far. */
class TruncatedHeader extends Error {}

/** A value of the metadata; whole numbers of 64 bits beyond 2^53 are rounded. */
export type MetadataValue = number | boolean | string | readonly number[] | readonly boolean[] | readonly string[];

interface MetadataEntry {
  readonly value: MetadataValue;
  /** Key and value as stored in the file. */
  readonly bytes: Uint8Array;
}

export interface GgufTensorInfo {
  readonly name: string;
  readonly type: GgufTensorType;
  /** Rows first; the file stores them in reverse. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** The header of a GGUF file (ggml's docs/gguf.md). */
export interface GgufContents {
  readonly file: string;
  readonly sizeBytes: number;
  readonly version: number;
  /** Alignment of the data and of each tensor, in bytes. */
  readonly alignment: number;
  readonly metadata: ReadonlyMap<string, MetadataEntry>;
  /** In the order of their positions. */
  readonly tensors: readonly GgufTensorInfo[];
  /** All bytes before the data. */
  readonly headerBytes: Uint8Array;
}

/** Versions with counts and lengths of 64 bits. */
const VERSIONS: readonly number[] = [2, 3];
/** Published models have about 2,000 tensors at most, and fewer keys. */
const MAX_TENSORS = 200_000;
const MAX_KEYS = 100_000;
/** The largest vocabularies have 300,000 tokens and 600,000 merges. */
const MAX_LIST = 2 ** 23;
const MAX_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;

/**
 * Reads the header of a GGUF file and checks it against the file: types, lengths, and that tensors lie in the file
 * without overlap.
 *
 * @throws WorkbenchError `bad-gguf`.
 */
export const readGguf = (file: string): Promise<GgufContents> =>
  whileOpen(openToRead(file), ({ handle, sizeBytes }) =>
    readGgufFrom(
      file,
      sizeBytes,
      async (offset, length) => (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer,
    ),
  );

/**
 * The same for a file of `sizeBytes` that is read in parts, wherever it is. The format does not state how long a header
 * is: it is decoded from ever more of the first bytes.
 */
export const readGgufFrom = async (file: string, sizeBytes: number, read: ReadBytes): Promise<GgufContents> => {
  for (let length = FIRST_READ_BYTES; ; length *= 8) {
    const bytes = await read(0, Math.min(length, sizeBytes, MAX_HEADER_BYTES));
    try {
      return decode(bytes, sizeBytes, file);
    } catch (error) {
      if (!(error instanceof TruncatedHeader)) throw error;
      if (bytes.length < length) throw unended(file, bytes.length, sizeBytes);
    }
  }
};

const unended = (file: string, bytes: number, sizeBytes: number): Error =>
  bad(
    file,
    bytes === sizeBytes
      ? `it promises more than its ${sizeBytes} bytes`
      : `its header does not end within ${bytes} bytes`,
  );

const bad = (file: string, what: string): Error =>
  refuse(
    'bad-gguf',
    `${file} is not a valid GGUF file: ${what}.`,
    `Fetch ${path.basename(file)} again: it is damaged or incomplete, or of a later version of the format.`,
  );

const decode = (bytes: Buffer, sizeBytes: number, file: string): GgufContents => {
  const cursor = new Cursor(bytes);
  if (!cursor.take(4).equals(Buffer.from('GGUF'))) throw bad(file, 'it does not start with "GGUF"');
  const version = cursor.uint32();
  if (!VERSIONS.includes(version))
    throw bad(file, `it is of version ${version}, and only ${VERSIONS.join(' and ')}, little-endian, are read`);
  const [tensorCount, keyCount] = [cursor.uint64(), cursor.uint64()];
  if (tensorCount > MAX_TENSORS) throw bad(file, `it claims ${tensorCount} tensors (limit ${MAX_TENSORS})`);
  if (keyCount > MAX_KEYS) throw bad(file, `it claims ${keyCount} keys (limit ${MAX_KEYS})`);
  const metadata = new Map<string, MetadataEntry>();
  for (let index = 0; index < keyCount; index += 1) {
    const start = cursor.position;
    const key = cursor.text();
    if (metadata.has(key)) throw bad(file, `"${key}" is there twice`);
    const value = cursor.value((what) => bad(file, `"${key}" ${what}`));
    metadata.set(key, { value, bytes: bytes.subarray(start, cursor.position) });
  }
  const alignment = metadata.get('general.alignment')?.value ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment <= 0 || alignment % 8 !== 0)
    throw bad(file, `"general.alignment" is ${JSON.stringify(alignment)}, not a multiple of 8`);
  const infos = Array.from({ length: tensorCount }, () => tensorInfo(cursor, file));
  const start = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = infos
    .map((info) => ({ ...info, byteOffset: start + info.byteOffset }))
    .sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  checkPositions(tensors, { start, alignment, sizeBytes, file });
  const headerBytes = bytes.subarray(0, cursor.position);
  return { file, sizeBytes, version, alignment, metadata, tensors, headerBytes };
};

const tensorInfo = (cursor: Cursor, file: string): GgufTensorInfo => {
  const name = cursor.text();
  const dimensions = cursor.uint32();
  if (dimensions > MAX_DIMENSIONS) throw bad(file, `tensor "${name}" has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => cursor.uint64()).reverse();
  const number = cursor.uint32();
  const type = ggufTypeOf(number);
  if (type === undefined)
    throw refuse(
      'gguf-type-unknown',
      `${file}: tensor "${name}" is of type ${number}, which is not read here.`,
      'Use a file with weights of another type.',
    );
  const byteLength = tensorBytes(type, shape);
  const isWhole = (shape.at(-1) ?? 1) % ggufTypes[type].values === 0;
  if (!isWhole || byteLength <= 0 || byteLength > Number.MAX_SAFE_INTEGER)
    throw bad(
      file,
      `tensor "${name}" has shape [${shape.join(', ')}]` +
        (isWhole
          ? ', which no tensor has'
          : `, whose rows are not whole blocks of ${ggufTypes[type].values} values of ${type}`),
    );
  return { name, type, shape, byteOffset: cursor.uint64(), byteLength };
};

const checkPositions = (
  tensors: readonly GgufTensorInfo[],
  {
    start,
    alignment,
    sizeBytes,
    file,
  }: { readonly start: number; readonly alignment: number; readonly sizeBytes: number; readonly file: string },
): void => {
  const names = new Set<string>();
  let last = start;
  for (const { name, byteOffset, byteLength } of tensors) {
    if (names.has(name)) throw bad(file, `tensor "${name}" is there twice`);
    names.add(name);
    if ((byteOffset - start) % alignment !== 0)
      throw bad(file, `tensor "${name}" does not start at a multiple of ${alignment} bytes`);
    if (byteOffset < last) throw bad(file, `tensor "${name}" starts at byte ${byteOffset}, within the one before it`);
    // As in llama.cpp, whose files have no gaps: a type or shape that stands for fewer bytes than there are is wrong.
    if (byteOffset - last >= alignment)
      throw bad(
        file,
        `tensor "${name}" starts at byte ${byteOffset}, but the data before it end at byte ${last}: ` +
          'the header gives that tensor another type or shape than its data have',
      );
    last = byteOffset + byteLength;
    if (last > sizeBytes)
      throw bad(file, `tensor "${name}" ends at byte ${last}, but the file has ${sizeBytes} (it is cut off)`);
  }
};

/** Types of metadata values (gguf.h, `enum gguf_type`), with their bytes. */
const scalars: Readonly<Record<number, { readonly bytes: number; readonly read: (at: Buffer) => number }>> = {
  0: { bytes: 1, read: (at) => at.readUInt8() },
  1: { bytes: 1, read: (at) => at.readInt8() },
  2: { bytes: 2, read: (at) => at.readUInt16LE() },
  3: { bytes: 2, read: (at) => at.readInt16LE() },
  4: { bytes: 4, read: (at) => at.readUInt32LE() },
  5: { bytes: 4, read: (at) => at.readInt32LE() },
  6: { bytes: 4, read: (at) => at.readFloatLE() },
  10: { bytes: 8, read: (at) => Number(at.readBigUInt64LE()) },
  11: { bytes: 8, read: (at) => Number(at.readBigInt64LE()) },
  12: { bytes: 8, read: (at) => at.readDoubleLE() },
};
const [BOOL, STRING, ARRAY] = [7, 8, 9];

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

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  text(): string {
    return this.take(this.uint64()).toString();
  }
  value(problem: (what: string) => Error): MetadataValue {
    const type = this.uint32();
    if (type !== ARRAY) return this.#single(type, problem);
    const member = this.uint32();
    const length = this.uint64();
    if (length > MAX_LIST) throw problem(`is a list of ${length} values (limit ${MAX_LIST})`);
    const scalar = scalars[member];
    if (scalar !== undefined) {
      const all = this.take(length * scalar.bytes);
      return Array.from({ length }, (_, index) => scalar.read(all.subarray(index * scalar.bytes)));
    }
    if (member === BOOL) return Array.from(this.take(length), (byte) => byte !== 0);
    if (member === STRING) return Array.from({ length }, () => this.text());
    throw problem(`is a list of values of type ${member}`);
  }

  #single(type: number, problem: (what: string) => Error): number | boolean | string {
    const scalar = scalars[type];
    if (scalar !== undefined) return scalar.read(this.take(scalar.bytes));
    if (type === BOOL) return this.take(1)[0] !== 0;
    if (type === STRING) return this.text();
    throw problem(`is a value of type ${type}`);
  }
}
