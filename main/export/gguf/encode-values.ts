import { type BlockType, ggufTypes, isBlockType } from '../../checkpoint/gguf/gguf-types.ts';
import { numberToHalf } from '../../checkpoint/half-precision.ts';
import { fromFloat32, toFloat32 } from '../../checkpoint/read-tensor.ts';
import type { GgufType } from '../../contract/export.ts';

/** Values of a block of every type that is written: a float16 scale, codes, and in Q4_1 and Q5_1 a least value. */
export const BLOCK_VALUES = 32;

/** Dtypes of safetensors with the same bytes as a GGUF type of single values. */
export const plainDtypes = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const;

/** Little-endian bytes of whole rows; types in blocks require row lengths that are multiples of 32. */
export const encodeValues = (type: GgufType, floats: Float32Array): Uint8Array => {
  if (!isBlockType(type)) return fromFloat32(floats, plainDtypes[type]);
  const { bytes: size } = ggufTypes[type];
  const out = new Uint8Array((floats.length / BLOCK_VALUES) * size);
  for (let block = 0; block * BLOCK_VALUES < floats.length; block += 1) {
    const values = floats.subarray(block * BLOCK_VALUES, (block + 1) * BLOCK_VALUES);
    encoders[type](values, new DataView(out.buffer, block * size, size));
  }
  return out;
};

/** The float32 values that bytes of `encodeValues` stand for, as every reader of GGUF computes them. */
export const decodeValues = (type: GgufType, bytes: Uint8Array): Float32Array =>
  toFloat32(bytes, isBlockType(type) ? type : plainDtypes[type], type);

/** The values that remain of whole rows once they are stored as `type`. */
export const roundValues = (type: GgufType, floats: Float32Array): Float32Array =>
  decodeValues(type, encodeValues(type, floats));

const HALF_BLOCK = BLOCK_VALUES / 2;

/**
 * Q8_0 as in ggml's reference quantiser: for each 32 values, d = max |x| / 127 in float32, stored as float16, and q = x
 * * (1 / d) rounded half away from zero, with the unrounded d.
 */
const encodeQ8 = (values: Float32Array, out: DataView): void => {
  const scale = Math.fround(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
  const inverse = inverseOf(scale);
  out.setUint16(0, numberToHalf(scale), true);
  for (let index = 0; index < BLOCK_VALUES; index += 1) {
    const value = Math.fround((values[index] ?? 0) * inverse);
    out.setInt8(2 + index, Math.sign(value) * Math.floor(Math.abs(value) + 0.5));
  }
};

/**
 * Q4_0 and Q5_0: d = m / -2^(bits - 1) in float32, m the value of the largest magnitude (the first of several); q =
 * x / d + 2^(bits - 1), rounded half up and at most 2^bits - 1. The sum is rounded once, as with a fused product (ggml
 * as usually compiled; gguf 0.19.0).
 */
const encodeCentred =
  (bits: 4 | 5) =>
  (values: Float32Array, out: DataView): void => {
    const middle = 2 ** (bits - 1);
    const largest = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    const scale = Math.fround(largest / -middle);
    const inverse = inverseOf(scale);
    out.setUint16(0, numberToHalf(scale), true);
    writeCodes(out, 2, bits, (index) =>
      Math.min(2 * middle - 1, Math.trunc(Math.fround((values[index] ?? 0) * inverse + middle + 0.5))),
    );
  };

/** Q4_1 and Q5_1: d = (max - min) / (2^bits - 1) in float32; q = (x - min) / d, rounded half up. */
const encodeFromLeast =
  (bits: 4 | 5) =>
  (values: Float32Array, out: DataView): void => {
    const steps = 2 ** bits - 1;
    const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const scale = Math.fround(Math.fround(most - least) / steps);
    const inverse = inverseOf(scale);
    out.setUint16(0, numberToHalf(scale), true);
    out.setUint16(2, numberToHalf(least), true);
    writeCodes(out, 4, bits, (index) => {
      const scaled = Math.fround(Math.fround((values[index] ?? 0) - least) * inverse);
      return Math.min(steps, Math.trunc(Math.fround(scaled + 0.5)));
    });
  };

const inverseOf = (scale: number): number => (scale === 0 ? 0 : Math.fround(1 / scale));

/** Codes of a block: the fifth bits of all in a word of 32, then the low four of values i and i + 16 in a byte. */
const writeCodes = (out: DataView, offset: number, bits: 4 | 5, codeOf: (index: number) => number): void => {
  const codes = Array.from({ length: BLOCK_VALUES }, (_, index) => codeOf(index));
  if (bits === 5)
    out.setUint32(
      offset,
      codes.reduce((word, code, index) => word | ((code >> 4) << index), 0),
      true,
    );
  const low = offset + (bits === 5 ? 4 : 0);
  for (let index = 0; index < HALF_BLOCK; index += 1)
    out.setUint8(low + index, ((codes[index] ?? 0) & 15) | (((codes[index + HALF_BLOCK] ?? 0) & 15) << 4));
};

const encoders: Readonly<Record<GgufType & BlockType, (values: Float32Array, out: DataView) => void>> = {
  q8_0: encodeQ8,
  q5_1: encodeFromLeast(5),
  q5_0: encodeCentred(5),
  q4_1: encodeFromLeast(4),
  q4_0: encodeCentred(4),
};
