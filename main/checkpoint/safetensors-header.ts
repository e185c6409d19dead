import path from 'node:path';
import { valuesIn } from '../arithmetic/vectors.ts';
import { z } from 'zod';
import { MOST_TENSORS, boundedList, boundedRecord, boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { openToRead, whileOpen } from '../files/regular-file.ts';
import type { PlainDtype, TensorView } from './descriptor.ts';

/** A header of 100,000 tensors has about 12 MB; the largest published models have fewer tensors, in many files. */
const MAX_HEADER_BYTES = 32 * 2 ** 20;
const MAX_TENSORS = 200_000;
const LENGTH_BYTES = 8;

export const dtypeBytes: Readonly<Record<PlainDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
  I8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
};
const isKnownDtype = (dtype: string): dtype is PlainDtype => Object.hasOwn(dtypeBytes, dtype);

const headerEntry = z.object({
  dtype: boundedText,
  shape: boundedList(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});
const headerSchema = boundedRecord(boundedText, z.unknown(), MOST_TENSORS);

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The header's JSON as stored in the file. */
  readonly text: string;
  readonly sizeBytes: number;
}

/** Reads `length` bytes of a file from `offset`; fewer where it ends before. */
export type ReadBytes = (offset: number, length: number) => Promise<Buffer>;

/**
 * Reads the header of a safetensors file (8 bytes length, JSON, data) and checks it against the file: every tensor's
 * bytes must fit its shape and lie inside the file, one after another without gap or overlap, so that a truncated or
 * patched file is refused before anything is mapped.
 */
export const readSafetensorsHeader = (file: string): Promise<SafetensorsHeader> =>
  whileOpen(openToRead(file), ({ handle, sizeBytes }) =>
    readHeaderFrom(file, sizeBytes, async (offset, length) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    }),
  );

/** The same for a file of `size` bytes that is read in parts, wherever it is. */
export const readHeaderFrom = async (file: string, size: number, read: ReadBytes): Promise<SafetensorsHeader> => {
  const name = path.basename(file);
  const broken = (what: string, cause?: unknown): Error =>
    refuse(
      'bad-safetensors',
      `${file} is not a valid safetensors file: ${what}.`,
      `Fetch ${name} again: it is damaged or incomplete.`,
      cause,
    );
  const lengthBuffer = await read(0, LENGTH_BYTES);
  if (lengthBuffer.length < LENGTH_BYTES) throw broken(`it has ${size} bytes, fewer than its length field`);
  const headerBytes = Number(lengthBuffer.readBigUInt64LE());
  if (headerBytes > MAX_HEADER_BYTES)
    throw broken(`its header claims ${headerBytes} bytes (limit ${MAX_HEADER_BYTES})`);
  if (LENGTH_BYTES + headerBytes > size) throw broken(`its header needs ${headerBytes} bytes but the file has ${size}`);
  const text = (await read(LENGTH_BYTES, headerBytes)).toString('utf8');
  return { ...parseHeader(file, text, LENGTH_BYTES + headerBytes, size, broken), text, sizeBytes: size };
};

const parseHeader = (
  file: string,
  text: string,
  dataStart: number,
  size: number,
  broken: (what: string, cause?: unknown) => Error,
): Pick<SafetensorsHeader, 'tensors' | 'metadata'> => {
  let json: unknown;
  try {
    json = parseForeignJson(text);
  } catch (cause) {
    throw broken('its header is not JSON', cause);
  }
  const header = headerSchema.safeParse(json);
  if (!header.success) throw broken('its header is not an object');
  const tensors = new Map<string, TensorView>();
  const ends: { readonly tensor: string; readonly begin: number; readonly end: number }[] = [];
  let metadata: Record<string, string> = {};
  const entries = Object.entries(header.data);
  if (entries.length > MAX_TENSORS) throw broken(`it claims ${entries.length} tensors (limit ${MAX_TENSORS})`);
  for (const [tensor, value] of entries) {
    if (tensor === '__metadata__') {
      const parsed = boundedRecord(boundedText, boundedText).safeParse(value);
      if (!parsed.success) throw broken('its __metadata__ is not a map of strings');
      metadata = parsed.data;
      continue;
    }
    const entry = headerEntry.safeParse(value);
    if (!entry.success) throw broken(`the entry of tensor "${tensor}" is malformed`);
    const {
      dtype,
      shape,
      data_offsets: [begin, end],
    } = entry.data;
    if (!isKnownDtype(dtype))
      throw refuse(
        'wrong-dtype',
        `${file}: tensor "${tensor}" is ${dtype}, which is not supported.`,
        'Convert the checkpoint to float32, float16 or bfloat16.',
      );
    const needed = dtypeBytes[dtype] * valuesIn(shape);
    if (end - begin !== needed) {
      throw broken(
        `tensor "${tensor}" (${dtype} [${shape.join(', ')}]) needs ${needed} bytes but has ` + String(end - begin),
      );
    }
    ends.push({ tensor, begin, end });
    if (dataStart + end > size) {
      throw broken(`tensor "${tensor}" ends at byte ${dataStart + end} but the file has ${size} (truncated)`);
    }
    tensors.set(tensor, { tensor, file, dtype, shape, byteOffset: dataStart + begin, byteLength: needed });
  }
  checkContiguous(ends, size - dataStart, broken);
  return { tensors, metadata };
};

/** Checks that tensors follow each other without gap or overlap and fill the file, as the format requires. */
const checkContiguous = (
  ranges: { readonly tensor: string; readonly begin: number; readonly end: number }[],
  dataBytes: number,
  broken: (what: string) => Error,
): void => {
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let last = 0;
  for (const { tensor, begin, end } of ranges) {
    if (begin !== last)
      throw broken(`tensor "${tensor}" starts at byte ${begin} of the data, where the one before ends at ${last}`);
    last = end;
  }
  if (last !== dataBytes) throw broken(`its tensors end at byte ${last} of ${dataBytes} bytes of data`);
};
