import { halfOf } from '../half-precision.ts';
import { type Grid, gridOf } from './grids.ts';
import { type BlockType, ggufTypes } from './gguf-types.ts';

/**
 * Values of blocks of quantised weights, in float32. Layouts and formulas are those of ggml-common.h and
 * ggml-quants.c; the values equal those of the Python package gguf bit for bit. q stands for a stored code, d for a
 * block's scale in float16.
 */

/** Reads the block that begins at byte `at`, and writes its values from `to` on. */
type Decoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

/**
 * The values of whole blocks.
 *
 * @throws RangeError if the bytes are not whole blocks.
 */
export const dequantise = (type: BlockType, bytes: Uint8Array): Float32Array => {
  const { bytes: size, values } = ggufTypes[type];
  if (bytes.length % size !== 0)
    throw new RangeError(`${bytes.length} bytes are not whole blocks of ${type} (${size} bytes)`);
  const blocks = bytes.length / size;
  const out = new Float32Array(blocks * values);
  const decode = decoders[type];
  for (let block = 0; block < blocks; block += 1) decode(bytes, block * size, out, block * values);
  return out;
};

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
const signedAt = (bytes: Uint8Array, at: number): number => (byteAt(bytes, at) << 24) >> 24;
const shortAt = (bytes: Uint8Array, at: number): number => byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8);
const wordAt = (bytes: Uint8Array, at: number): number => (shortAt(bytes, at) | (shortAt(bytes, at + 2) << 16)) >>> 0;
const halfAt = (bytes: Uint8Array, at: number): number => halfOf(shortAt(bytes, at));
/** Half of a byte: the low one first. */
const nibbleAt = (bytes: Uint8Array, at: number, index: number): number =>
  (byteAt(bytes, at + (index >> 1)) >> (4 * (index & 1))) & 15;

/**
 * 32 values: d (and m), then (for 5 bits) a word of fifth bits, then low four bits of values i and i + 16 in a byte.
 */
const simple =
  (bits: 4 | 5, hasLeast: boolean): Decoder =>
  (bytes, at, out, to) => {
    const d = halfAt(bytes, at);
    const least = hasLeast ? halfAt(bytes, at + 2) : 0;
    const start = at + (hasLeast ? 4 : 2);
    const fifth = bits === 5 ? wordAt(bytes, start) : 0;
    const low = start + (bits === 5 ? 4 : 0);
    const middle = bits === 5 ? 16 : 8;
    for (let index = 0; index < 32; index += 1) {
      const byte = byteAt(bytes, low + (index & 15));
      const q = (index < 16 ? byte & 15 : byte >> 4) | (((fifth >>> index) & 1) << 4);
      out[to + index] = hasLeast ? Math.fround(d * q) + least : d * (q - middle);
    }
  };

const q8: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let index = 0; index < 32; index += 1) out[to + index] = d * signedAt(bytes, at + 2 + index);
};

/** Codes of two bits in four planes: value 128 g + 32 s + j is in bits 2 s of byte 32 g + j. */
const twoBits = (bytes: Uint8Array, at: number, index: number): number =>
  (byteAt(bytes, at + ((index >> 7) << 5) + (index & 31)) >> (2 * ((index >> 5) & 3))) & 3;

const q2k: Decoder = (bytes, at, out, to) => {
  const [d, dLeast] = [halfAt(bytes, at + 80), halfAt(bytes, at + 82)];
  for (let index = 0; index < 256; index += 1) {
    const scales = byteAt(bytes, at + (index >> 4));
    out[to + index] = d * (scales & 15) * twoBits(bytes, at + 16, index) - dLeast * (scales >> 4);
  }
};

/** Bit k of byte j belongs to value 32 k + j. */
const bitPlane = (bytes: Uint8Array, at: number, index: number): number =>
  (byteAt(bytes, at + (index & 31)) >> (index >> 5)) & 1;

const q3k: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 108);
  for (let group = 0; group < 16; group += 1) {
    const low = (byteAt(bytes, at + 96 + (group & 7)) >> (group < 8 ? 0 : 4)) & 15;
    const high = (byteAt(bytes, at + 104 + (group & 3)) >> (2 * (group >> 2))) & 3;
    const scale = d * ((low | (high << 4)) - 32);
    for (let index = 16 * group; index < 16 * group + 16; index += 1)
      out[to + index] = scale * (twoBits(bytes, at + 32, index) - (bitPlane(bytes, at, index) === 0 ? 4 : 0));
  }
};

/** Scale and least value of group k, in six bits each, of Q4_K and Q5_K. */
const sixBits = (bytes: Uint8Array, at: number, group: number): readonly [scale: number, least: number] => {
  if (group < 4) return [byteAt(bytes, at + group) & 63, byteAt(bytes, at + 4 + group) & 63];
  const rest = byteAt(bytes, at + 4 + group);
  return [
    (rest & 15) | ((byteAt(bytes, at + group - 4) >> 2) & 48),
    (rest >> 4) | ((byteAt(bytes, at + group) >> 2) & 48),
  ];
};

/** 256 values in groups of 32: d, d of the least values, scales, (for 5 bits) planes of fifth bits, low four bits. */
const grouped =
  (bits: 4 | 5): Decoder =>
  (bytes, at, out, to) => {
    const [d, dLeast] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
    const low = at + (bits === 5 ? 48 : 16);
    for (let group = 0; group < 8; group += 1) {
      const [scale, least] = sixBits(bytes, at + 4, group);
      const [factor, addend] = [d * scale, dLeast * least];
      for (let index = 32 * group; index < 32 * group + 32; index += 1) {
        const byte = byteAt(bytes, low + ((group >> 1) << 5) + (index & 31));
        const fifth = bits === 5 ? bitPlane(bytes, at + 16, index) << 4 : 0;
        out[to + index] = factor * (((group & 1) === 0 ? byte & 15 : byte >> 4) | fifth) - addend;
      }
    }
  };

const q6k: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 208);
  for (let index = 0; index < 256; index += 1) {
    const byte = byteAt(bytes, at + ((index >> 7) << 6) + (index & 63));
    const low = ((index >> 6) & 1) === 0 ? byte & 15 : byte >> 4;
    const q = (low | (twoBits(bytes, at + 128, index) << 4)) - 32;
    out[to + index] = d * signedAt(bytes, at + 192 + (index >> 4)) * q;
  }
};

/** Values of the codes of IQ4_NL and IQ4_XS. */
const nonLinear = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** Twice the values of e2m1 (OCP Microscaling Formats specification 1.0, section 5.3.3). */
export const doubledE2m1: readonly number[] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** `count` values of codes: low halves of bytes first, then high halves. */
const coded = (
  values: readonly number[],
  factor: number,
  count: number,
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
): void => {
  const half = count / 2;
  for (let index = 0; index < half; index += 1) {
    const byte = byteAt(bytes, at + index);
    out[to + index] = factor * (values[byte & 15] ?? 0);
    out[to + half + index] = factor * (values[byte >> 4] ?? 0);
  }
};

const iq4xs: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  const high = shortAt(bytes, at + 2);
  for (let group = 0; group < 8; group += 1) {
    const scale = (nibbleAt(bytes, at + 4, group) | (((high >> (2 * group)) & 3) << 4)) - 32;
    coded(nonLinear, d * scale, 32, bytes, at + 8 + 16 * group, out, to + 32 * group);
  }
};

/** Unsigned e4m3 of NVFP4; 0x7f counts as zero. */
export const unsignedE4m3 = (byte: number): number => {
  if (byte === 0 || byte === 0x7f) return 0;
  const [exponent, fraction] = [(byte >> 3) & 15, byte & 7];
  return exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7);
};

const nvfp4: Decoder = (bytes, at, out, to) => {
  for (let group = 0; group < 4; group += 1)
    coded(
      doubledE2m1,
      unsignedE4m3(byteAt(bytes, at + group)) / 2,
      16,
      bytes,
      at + 4 + 8 * group,
      out,
      to + 16 * group,
    );
};

/** Five (in the last bytes four) digits to base three in a byte, as the fraction of 256. */
const tq1: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 52);
  let next = to;
  for (const { start, count, digits } of [
    { start: 0, count: 32, digits: 5 },
    { start: 32, count: 16, digits: 5 },
    { start: 48, count: 4, digits: 4 },
  ])
    for (let digit = 0, power = 1; digit < digits; digit += 1, power *= 3)
      for (let index = 0; index < count; index += 1, next += 1)
        out[next] = d * (((((byteAt(bytes, at + start + index) * power) & 255) * 3) >> 8) - 1);
};

const tq2: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 64);
  for (let index = 0; index < 256; index += 1) out[to + index] = d * (twoBits(bytes, at, index) - 1);
};

/** Signs of eight values from seven bits: the eighth makes the number of minus signs even. */
const evenSigns = (bits: number): number => {
  let parity = bits;
  parity ^= parity >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return bits | ((parity & 1) << 7);
};

/** The values of a row of a grid, with the signs of their bits. */
const fromGrid = (
  { width, values }: Grid,
  row: number,
  factor: number,
  signs: number,
  out: Float32Array,
  to: number,
): void => {
  for (let index = 0; index < width; index += 1) {
    const value = factor * (values[row * width + index] ?? 0);
    out[to + index] = ((signs >> index) & 1) === 1 ? -value : value;
  }
};

const iq2xxs: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  const grid = gridOf('iq2_xxs');
  for (let group = 0; group < 8; group += 1) {
    const start = at + 2 + 8 * group;
    const word = wordAt(bytes, start + 4);
    const factor = d * (0.5 + (word >>> 28)) * 0.25;
    for (let part = 0; part < 4; part += 1)
      fromGrid(
        grid,
        byteAt(bytes, start + part),
        factor,
        evenSigns((word >>> (7 * part)) & 127),
        out,
        to + 32 * group + 8 * part,
      );
  }
};

const iq2xs: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  const grid = gridOf('iq2_xs');
  for (let part = 0; part < 32; part += 1) {
    const q = shortAt(bytes, at + 2 + 2 * part);
    const factor = d * (0.5 + nibbleAt(bytes, at + 66, part >> 1)) * 0.25;
    fromGrid(grid, q & 511, factor, evenSigns(q >> 9), out, to + 8 * part);
  }
};

const iq2s: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  const grid = gridOf('iq2_s');
  for (let part = 0; part < 32; part += 1) {
    const high = (byteAt(bytes, at + 66 + (part >> 2)) >> (2 * (part & 3))) & 3;
    const factor = d * (0.5 + nibbleAt(bytes, at + 74, part >> 1)) * 0.25;
    const row = byteAt(bytes, at + 2 + part) | (high << 8);
    fromGrid(grid, row, factor, byteAt(bytes, at + 34 + part), out, to + 8 * part);
  }
};

const iq3xxs: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  const grid = gridOf('iq3_xxs');
  for (let part = 0; part < 64; part += 1) {
    const word = wordAt(bytes, at + 66 + 4 * (part >> 3));
    const signs = evenSigns((word >>> (7 * ((part >> 1) & 3))) & 127) >> (4 * (part & 1));
    fromGrid(grid, byteAt(bytes, at + 2 + part), d * (0.5 + (word >>> 28)) * 0.5, signs, out, to + 4 * part);
  }
};

const iq3s: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  const grid = gridOf('iq3_s');
  for (let part = 0; part < 64; part += 1) {
    const high = (byteAt(bytes, at + 66 + (part >> 3)) >> (part & 7)) & 1;
    const signs = byteAt(bytes, at + 74 + (part >> 1)) >> (4 * (part & 1));
    const factor = d * (1 + 2 * nibbleAt(bytes, at + 106, part >> 3));
    fromGrid(grid, byteAt(bytes, at + 2 + part) | (high << 8), factor, signs, out, to + 4 * part);
  }
};

/** Added to the values -1, 0 and 1 of IQ1_S and IQ1_M, or taken from them. */
const IQ1_DELTA = 0.125;

const shifted = (row: number, factor: number, isMinus: boolean, out: Float32Array, to: number): void => {
  const { values } = gridOf('iq1_s');
  const delta = isMinus ? -IQ1_DELTA : IQ1_DELTA;
  for (let index = 0; index < 8; index += 1) out[to + index] = factor * ((values[8 * row + index] ?? 0) + delta);
};

const iq1s: Decoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let part = 0; part < 32; part += 1) {
    const high = shortAt(bytes, at + 34 + 2 * (part >> 2));
    const row = byteAt(bytes, at + 2 + part) | (((high >> (3 * (part & 3))) & 7) << 8);
    shifted(row, d * (2 * ((high >> 12) & 7) + 1), (high & 0x8000) !== 0, out, to + 8 * part);
  }
};

const iq1m: Decoder = (bytes, at, out, to) => {
  const scales = [48, 50, 52, 54].map((offset) => shortAt(bytes, at + offset));
  const d = halfOf(scales.reduce((bits, word, index) => bits | ((word >> 12) << (4 * index)), 0));
  for (let part = 0; part < 32; part += 1) {
    const high = nibbleAt(bytes, at + 32, part);
    const group = part >> 1;
    const scale = ((scales[group >> 2] ?? 0) >> (3 * (group & 3))) & 7;
    const row = byteAt(bytes, at + part) | ((high & 7) << 8);
    shifted(row, d * (2 * scale + 1), (high & 8) !== 0, out, to + 8 * part);
  }
};

const decoders: Readonly<Record<BlockType, Decoder>> = {
  q4_0: simple(4, false),
  q4_1: simple(4, true),
  q5_0: simple(5, false),
  q5_1: simple(5, true),
  q8_0: q8,
  q2_k: q2k,
  q3_k: q3k,
  q4_k: grouped(4),
  q5_k: grouped(5),
  q6_k: q6k,
  iq2_xxs: iq2xxs,
  iq2_xs: iq2xs,
  iq2_s: iq2s,
  iq3_xxs: iq3xxs,
  iq3_s: iq3s,
  iq1_s: iq1s,
  iq1_m: iq1m,
  iq4_nl: (bytes, at, out, to) => coded(nonLinear, halfAt(bytes, at), 32, bytes, at + 2, out, to),
  iq4_xs: iq4xs,
  tq1_0: tq1,
  tq2_0: tq2,
  mxfp4: (bytes, at, out, to) => coded(doubledE2m1, 2 ** (byteAt(bytes, at) - 128), 32, bytes, at + 1, out, to),
  nvfp4,
};
