import { bfloatsToFloat32, float32ToBfloats } from '../checkpoint/half-precision.ts';
import { float4Values, float8Values } from '../checkpoint/compressed-tensors.ts';
import { refuse } from '../contract/errors.ts';
import { type CompressedType, isFp8Type } from '../contract/export.ts';

/**
 * Matrices as the compressed-tensors package quantises them (version 0.17.0, `quantization/utils/helpers.py` for scales
 * and `compressors` for codes), byte for byte: symmetric, scales from the largest magnitude of each group in float32.
 */

/** Rows and columns of one scale; null: all of them. */
export type Span = readonly [rows: number | null, columns: number | null];

export interface CompressedForm {
  readonly format: 'float-quantized' | 'pack-quantized' | 'nvfp4-pack-quantized' | 'mxfp4-pack-quantized';
  readonly bits: 4 | 8;
  readonly isFloat: boolean;
  readonly strategy: 'channel' | 'block' | 'group' | 'tensor_group';
  readonly span: Span;
}

/** Values in a group of columns with one scale. */
const GROUP = 32;
const NVFP4_GROUP = 16;
const FP8_BLOCK = 128;

export const compressedForms: Readonly<Record<CompressedType, CompressedForm>> = {
  fp8: { format: 'float-quantized', bits: 8, isFloat: true, strategy: 'channel', span: [1, null] },
  fp8_block: { format: 'float-quantized', bits: 8, isFloat: true, strategy: 'block', span: [FP8_BLOCK, FP8_BLOCK] },
  int8: { format: 'pack-quantized', bits: 8, isFloat: false, strategy: 'group', span: [1, GROUP] },
  int4: { format: 'pack-quantized', bits: 4, isFloat: false, strategy: 'group', span: [1, GROUP] },
  mxfp4: { format: 'mxfp4-pack-quantized', bits: 4, isFloat: true, strategy: 'group', span: [1, GROUP] },
  nvfp4: { format: 'nvfp4-pack-quantized', bits: 4, isFloat: true, strategy: 'tensor_group', span: [1, NVFP4_GROUP] },
};

/** Whether rows of a matrix are whole groups of columns; blocks may be partial. */
export const hasWholeGroups = (type: CompressedType, columns: number): boolean => {
  const { strategy, span } = compressedForms[type];
  return strategy === 'block' || span[1] === null || columns % span[1] === 0;
};

/** Bytes of codes, and of scales; NVFP4 also has a float32 that divides them. */
export interface CompressedMatrix {
  readonly codes: Uint8Array;
  readonly scales: Uint8Array;
  readonly divisor: number | null;
}

const FP8_MOST = 448;
const FP4_MOST = 6;
/** Machine epsilon of float32, used in place of a scale of 0. */
const EPSILON = 2 ** -23;
/** Least normal float32. */
const LEAST = 2 ** -126;

/**
 * Quantises a matrix [rows, columns], row by row. `scaleDtype`: of FP8 and INT scales. `most`: the largest magnitude of
 * all matrices that share the divisor of NVFP4 with it; default: of this one.
 *
 * @throws WorkbenchError `bad-tensor` for values that are no numbers.
 */
export const quantiseMatrix = (
  type: CompressedType,
  name: string,
  values: Float32Array,
  [rows, columns]: readonly [number, number],
  scaleDtype: 'F32' | 'BF16',
  most = largestOf(values),
): CompressedMatrix => {
  const { bits, isFloat, span } = compressedForms[type];
  if (!Number.isFinite(most) || values.some(Number.isNaN))
    throw refuse('bad-tensor', `tensor "${name}" has values that are no numbers.`, 'Fetch the checkpoint again.');
  const [high, wide] = [span[0] ?? rows, span[1] ?? columns];
  const groups = Math.ceil(columns / wide);
  const magnitudes = new Float32Array(Math.ceil(rows / high) * groups);
  const placeOf = (row: number, column: number): number => Math.floor(row / high) * groups + Math.floor(column / wide);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      const place = placeOf(row, column);
      const magnitude = Math.abs(values[row * columns + column] ?? 0);
      if (magnitude > (magnitudes[place] ?? 0)) magnitudes[place] = magnitude;
    }
  const { stored, factors, divisor } = scalesOf(type, magnitudes, scaleDtype, most);
  const ratioAt = (row: number, column: number): number =>
    Math.fround((values[row * columns + column] ?? 0) / (factors[placeOf(row, column)] ?? 1));
  const codes = isFloat
    ? bits === 8
      ? eachInByte(rows, columns, (row, column) => float8Code(ratioAt(row, column)))
      : pairs(rows, columns, (row, column) => float4Code(ratioAt(row, column)))
    : words(rows, columns, bits, (row, column) => integerCode(ratioAt(row, column), bits));
  return { codes, scales: stored, divisor };
};

export const largestOf = (values: Float32Array): number => {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
};

interface Scales {
  /** Bytes in the file. */
  readonly stored: Uint8Array;
  /** Float32 values that codes are multiplied with. */
  readonly factors: Float32Array;
  readonly divisor: number | null;
}

const scalesOf = (type: CompressedType, magnitudes: Float32Array, scaleDtype: 'F32' | 'BF16', most: number): Scales => {
  if (type === 'mxfp4') {
    const stored = Uint8Array.from(magnitudes, exponentOf);
    return { stored, factors: Float32Array.from(stored, (code) => 2 ** (code - 127)), divisor: null };
  }
  if (type === 'nvfp4') {
    const quotient = Math.fround((FP8_MOST * FP4_MOST) / Math.max(most, LEAST));
    const divisor = Number.isFinite(quotient) ? quotient : 1;
    const stored = Uint8Array.from(magnitudes, (magnitude) => {
      const scale = Math.fround(divisor * Math.fround(magnitude / FP4_MOST));
      // A scale of 0 is stored as the least one that the package takes for its type, 1/8.
      const code = float8Code(scale);
      return code === 0 ? float8Code(0.125) : code;
    });
    const factors = Float32Array.from(stored, (code) => (float8Values[code] ?? 0) / divisor);
    return { stored, factors, divisor };
  }
  const { bits } = compressedForms[type];
  const range = isFp8Type(type) ? FP8_MOST : (2 ** bits - 1) / 2;
  const scales = magnitudes.map((magnitude) => Math.fround(magnitude / range) || EPSILON);
  if (scaleDtype === 'F32') return { stored: new Uint8Array(scales.buffer), factors: scales, divisor: null };
  const bfloats = float32ToBfloats(scales);
  return { stored: new Uint8Array(bfloats.buffer), factors: bfloatsToFloat32(bfloats), divisor: null };
};

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);
const bitsOf = (value: number): number => {
  float[0] = value;
  return word[0] ?? 0;
};

/** The exponent of MXFP4's scale, plus 127: of the magnitude rounded up from 1.75 times a power of two on, less 2. */
const exponentOf = (magnitude: number): number => {
  const exponent = ((bitsOf(magnitude) + 2 ** 21) >>> 23) & 255;
  return Math.max(0, exponent - 2);
};

const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
};

/** e4m3, to nearest, ties to even; larger magnitudes become 448. */
const float8Code = (value: number): number => {
  const magnitude = Math.min(Math.abs(value), FP8_MOST);
  const exponent = Math.max(-6, ((bitsOf(magnitude) >>> 23) & 255) - 127);
  const steps = roundHalfEven(magnitude * 2 ** (3 - exponent));
  return (value < 0 ? 128 : 0) | (steps + 8 * (exponent + 6));
};

/** e2m1: ties go to the neighbour with an even code. */
const float4Code = (value: number): number => {
  const magnitude = Math.abs(value);
  let code = 0;
  for (let next = 1; next < 8; next += 1) {
    const middle = ((float4Values[next - 1] ?? 0) + (float4Values[next] ?? 0)) / 2;
    if (next % 2 === 0 ? magnitude >= middle : magnitude > middle) code = next;
  }
  return code | (value < 0 ? 8 : 0);
};

const integerCode = (value: number, bits: number): number => {
  const half = 2 ** (bits - 1);
  return roundHalfEven(Math.max(-half, Math.min(half - 1, value))) + half;
};

type CodeAt = (row: number, column: number) => number;

const eachInByte = (rows: number, columns: number, codeAt: CodeAt): Uint8Array => {
  const out = new Uint8Array(rows * columns);
  for (let index = 0; index < out.length; index += 1) out[index] = codeAt(Math.floor(index / columns), index % columns);
  return out;
};

/** Two codes in a byte, the first in its low half. */
const pairs = (rows: number, columns: number, codeAt: CodeAt): Uint8Array => {
  const wide = columns / 2;
  return eachInByte(rows, wide, (row, pair) => codeAt(row, 2 * pair) | (codeAt(row, 2 * pair + 1) << 4));
};

/** Codes of a row in words of 32 bits, from the lowest bits on. */
const words = (rows: number, columns: number, bits: number, codeAt: CodeAt): Uint8Array => {
  const perWord = 32 / bits;
  const wide = Math.ceil(columns / perWord);
  const out = new Int32Array(rows * wide);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      const at = row * wide + Math.floor(column / perWord);
      out[at] = (out[at] ?? 0) | (codeAt(row, column) << (bits * (column % perWord)));
    }
  return new Uint8Array(out.buffer);
};
