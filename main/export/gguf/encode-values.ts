import { doubledE2m1, unsignedE4m3 } from '../../checkpoint/gguf/dequantise.ts';
import { type BlockType, ggufTypes, isBlockType } from '../../checkpoint/gguf/gguf-types.ts';
import { numberToHalf } from '../../checkpoint/half-precision.ts';
import { fromFloat32, toFloat32 } from '../../checkpoint/read-tensor.ts';
import type { GgufType } from '../../contract/export.ts';
import { encodeQ4K, encodeQ5K, encodeQ6K } from './encode-super-blocks.ts';

/** Values of a block of Q8_0 to Q4_0: a float16 scale, codes, and in Q4_1 and Q5_1 a least value. */
const BLOCK_VALUES = 32;

/** Dtypes of safetensors with the same bytes as a GGUF type of single values. */
export const plainDtypes = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const;

/** Little-endian bytes of whole rows; types in blocks require rows of whole blocks. */
export const encodeValues = (type: GgufType, floats: Float32Array): Uint8Array => {
  if (!isBlockType(type)) return fromFloat32(floats, plainDtypes[type]);
  const { bytes: size, values: count } = ggufTypes[type];
  const out = new Uint8Array((floats.length / count) * size);
  for (let block = 0; block * count < floats.length; block += 1)
    encoders[type](floats.subarray(block * count, (block + 1) * count), new DataView(out.buffer, block * size, size));
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
    // Comparisons leave the sign of the first zero, as in ggml.
    const [least, most] = [values.reduce((a, b) => (b < a ? b : a)), values.reduce((a, b) => (b > a ? b : a))];
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
  let fifth = 0;
  const low = offset + (bits === 5 ? 4 : 0);
  for (let index = 0; index < HALF_BLOCK; index += 1) {
    const [first, second] = [codeOf(index), codeOf(index + HALF_BLOCK)];
    fifth |= ((first >> 4) << index) | ((second >> 4) << (index + HALF_BLOCK));
    out.setUint8(low + index, (first & 15) | ((second & 15) << 4));
  }
  if (bits === 5) out.setUint32(offset, fifth, true);
};

/** Values of the codes of a block in float32, filled anew for each. */
const levels = new Float32Array(doubledE2m1.length);
/** Codes of zero and of what is above it; the others have the same magnitudes in the same order. */
const UPPER_CODES = doubledE2m1.length / 2;

/** The first code whose level is nearest in float32; a zero below zero is never first. */
const nearestLevel = (value: number): number => {
  let best = 0;
  let least = Math.abs(value);
  const first = value < 0 ? UPPER_CODES + 1 : 1;
  for (let code = first; code < first + UPPER_CODES - 1; code += 1) {
    const error = Math.abs(Math.fround(levels[code]! - value));
    if (error < least) {
      best = code;
      least = error;
    }
  }
  return best;
};

/** Codes of values in units of `step`, which is a float32. */
const writePairs = (out: DataView, offset: number, values: Float32Array, step: number): void => {
  for (let code = 0; code < levels.length; code += 1) levels[code] = doubledE2m1[code]! * step;
  const half = values.length / 2;
  for (let index = 0; index < half; index += 1)
    out.setUint8(offset + index, nearestLevel(values[index]!) | (nearestLevel(values[index + half]!) << 4));
};

const magnitudeOf = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * MXFP4 as in ggml's reference quantiser: the scale is the power of two of the largest magnitude, by a logarithm in
 * float32, over 4. (The same type of compressed-tensors rounds that magnitude up from 1.75 times a power of two on.)
 */
const encodeMxfp4 = (values: Float32Array, out: DataView): void => {
  const most = magnitudeOf(values);
  const exponent = most > 0 ? (Math.floor(Math.fround(Math.log2(most))) + 125) & 255 : 0;
  out.setUint8(0, exponent);
  writePairs(out, 1, values, 2 ** (exponent - 128));
};

const floatBits = new DataView(new ArrayBuffer(4));

/** Unsigned e4m3, rounded half up; below 2^-6 at most 7/8 of that, and 448 from 256 (less half a step) on. */
const scaleE4m3 = (value: number): number => {
  floatBits.setFloat32(0, value);
  const bits = floatBits.getUint32(0);
  const exponent = (bits >>> 23) - 120;
  if (exponent <= 0) return Math.min(7, Math.trunc(Math.fround(value * 512 + 0.5)));
  const code = 8 * exponent + ((bits >>> 20) & 7) + ((bits >>> 19) & 1);
  return code >= 0x78 ? 0x7e : code;
};

/**
 * NVFP4 as in ggml's reference quantiser: for each 16 values a scale in unsigned e4m3, a sixth of the largest
 * magnitude, without a scale of the whole tensor; so groups whose magnitudes are all below 0.006 become zeros.
 */
const encodeNvfp4 = (values: Float32Array, out: DataView): void => {
  for (let group = 0; group < 4; group += 1) {
    const block = values.subarray(16 * group, 16 * group + 16);
    const scale = scaleE4m3(Math.fround(magnitudeOf(block) / 6));
    out.setUint8(group, scale);
    writePairs(out, 4 + 8 * group, block, unsignedE4m3(scale) / 2);
  }
};

const encoders: Readonly<Record<GgufType & BlockType, (values: Float32Array, out: DataView) => void>> = {
  q8_0: encodeQ8,
  q5_1: encodeFromLeast(5),
  q5_0: encodeCentred(5),
  q4_1: encodeFromLeast(4),
  q4_0: encodeCentred(4),
  q6_k: encodeQ6K,
  q5_k: encodeQ5K,
  q4_k: encodeQ4K,
  mxfp4: encodeMxfp4,
  nvfp4: encodeNvfp4,
};
