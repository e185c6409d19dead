import { halfOf, numberToHalf } from '../../checkpoint/half-precision.ts';

/**
 * Blocks of 256 values as llama.cpp's quantiser writes them without an importance matrix (ggml-quants.c, Q4_K, Q5_K and
 * Q6_K, on processors where products and sums are rounded one by one). Every operation is rounded to float32, in its
 * order of operations: scales are chosen by comparing errors, so that another rounding gives other bytes.
 */

const SUPER_BLOCK = 256;
const f32 = Math.fround;

/** Rounds to the nearest whole number, ties to even, as adding 1.5 * 2^23 in float32 does. */
const nearest = (value: number): number => f32(value + 12582912) - 12582912;

const bounded = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** Values of a group of Q4_K and Q5_K. */
const GROUP = 32;
const TRIED_STEP = f32(0.1);

/** Codes of a type with scales and least values, from 0 to `mostCode`. */
interface Codes {
  readonly mostCode: number;
  /** Candidate steps of a group divide its range into `mostCode + leastTried` parts, 0.1 more, ... `tries` of them. */
  readonly leastTried: number;
  readonly tries: number;
}

const fourBits: Codes = { mostCode: 15, leastTried: -1, tries: 21 };
const fiveBits: Codes = { mostCode: 31, leastTried: -0.5, tries: 16 };

/** Scales and least values of groups have six bits. */
const MOST_SCALE = 63;

/** Scale and negative least value of a group, with its codes written to `codes` from `at` on. */
type FittedGroup = readonly [scale: number, minusLeast: number];

const tried = new Uint8Array(GROUP);
const weights = new Float32Array(GROUP);

/** Errors are weighted with |x| plus the root mean square of the group. */
const weigh = (values: Float32Array): void => {
  let squares = 0;
  for (let index = 0; index < GROUP; index += 1) {
    const value = values[index] ?? 0;
    squares = f32(squares + f32(value * value));
  }
  const root = f32(Math.sqrt(f32(squares / GROUP)));
  for (let index = 0; index < GROUP; index += 1) weights[index] = root + Math.abs(values[index] ?? 0);
};

/** The weighted sum of squared errors of `codes` times `scale` plus `least`. */
const errorOf = (values: Float32Array, codes: Uint8Array, at: number, scale: number, least: number): number => {
  let sum = 0;
  for (let index = 0; index < GROUP; index += 1) {
    const off = f32(f32(f32(scale * (codes[at + index] ?? 0)) + least) - (values[index] ?? 0));
    sum = f32(sum + f32((weights[index] ?? 0) * f32(off * off)));
  }
  return sum;
};

/**
 * Codes at a step, then the scale and least value that fit them best (weighted least squares); the least error wins.
 * Later steps begin at the least value found so far.
 */
const fitGroup = (
  values: Float32Array,
  { mostCode, leastTried, tries }: Codes,
  codes: Uint8Array,
  at: number,
): FittedGroup => {
  let [least, most] = [values[0] ?? 0, values[0] ?? 0];
  let [sumOfWeights, sumOfValues] = [0, 0];
  for (let index = 0; index < GROUP; index += 1) {
    const [value, weight] = [values[index] ?? 0, weights[index] ?? 0];
    if (value < least) least = value;
    if (value > most) most = value;
    sumOfWeights = f32(sumOfWeights + weight);
    sumOfValues = f32(sumOfValues + f32(weight * value));
  }
  if (least > 0) least = 0;
  if (most === least) {
    codes.fill(0, at, at + GROUP);
    return [0, -least];
  }
  const code = (inverse: number, index: number): number =>
    bounded(nearest(f32(inverse * f32((values[index] ?? 0) - least))), 0, mostCode);
  const first = f32(mostCode / f32(most - least));
  for (let index = 0; index < GROUP; index += 1) codes[at + index] = code(first, index);
  let scale = f32(1 / first);
  let bestError = errorOf(values, codes, at, scale, least);
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const inverse = f32(f32(f32(leastTried + f32(TRIED_STEP * attempt)) + mostCode) / f32(most - least));
    let sumOfCodes = 0;
    let sumOfSquares = 0;
    let sumOfProducts = 0;
    for (let index = 0; index < GROUP; index += 1) {
      const level = code(inverse, index);
      const weight = weights[index] ?? 0;
      tried[index] = level;
      const weighted = f32(weight * level);
      sumOfCodes = f32(sumOfCodes + weighted);
      sumOfSquares = f32(sumOfSquares + f32(weighted * level));
      sumOfProducts = f32(sumOfProducts + f32(weighted * (values[index] ?? 0)));
    }
    const determinant = f32(f32(sumOfWeights * sumOfSquares) - f32(sumOfCodes * sumOfCodes));
    if (!(determinant > 0)) continue;
    let ownScale = f32(f32(f32(sumOfWeights * sumOfProducts) - f32(sumOfValues * sumOfCodes)) / determinant);
    let ownLeast = f32(f32(f32(sumOfSquares * sumOfValues) - f32(sumOfCodes * sumOfProducts)) / determinant);
    if (ownLeast > 0) {
      ownLeast = 0;
      ownScale = f32(sumOfProducts / sumOfSquares);
    }
    const error = errorOf(values, tried, 0, ownScale, ownLeast);
    if (error < bestError) {
      codes.set(tried, at);
      [bestError, scale, least] = [error, ownScale, ownLeast];
    }
  }
  return [scale, -least];
};

/** Six bits of a quotient; a negative one counts as an unsigned byte. */
const sixBits = (value: number): number => Math.min(MOST_SCALE, nearest(value) & 255);

/**
 * Groups of 32 values x = d * scale * q - dLeast * least, with d and dLeast of all groups in float16: writes the scales
 * (16 bytes), and returns the codes, which are chosen again with the rounded scales.
 */
const encodeScales = (values: Float32Array, type: Codes, out: DataView): Uint8Array => {
  const codes = new Uint8Array(SUPER_BLOCK);
  const fitted = Array.from({ length: SUPER_BLOCK / GROUP }, (_, group) => {
    const groupValues = values.subarray(group * GROUP, (group + 1) * GROUP);
    weigh(groupValues);
    return fitGroup(groupValues, type, codes, group * GROUP);
  });
  const [mostScale, mostLeast] = [0, 1].map((part) =>
    fitted.reduce((most, entry) => Math.max(most, entry[part] ?? 0), 0),
  );
  const [toScale, toLeast] = [mostScale, mostLeast].map((most = 0) => (most > 0 ? f32(MOST_SCALE / most) : 0));
  const scales = fitted.map(([scale]) => sixBits(f32((toScale ?? 0) * scale)));
  const leasts = fitted.map(([, least]) => sixBits(f32((toLeast ?? 0) * least)));
  const [d, dLeast] = [mostScale, mostLeast].map((most = 0) => numberToHalf(f32(most / MOST_SCALE)));
  out.setUint16(0, d ?? 0, true);
  out.setUint16(2, dLeast ?? 0, true);
  for (let group = 0; group < 4; group += 1) {
    const [scale = 0, least = 0] = [scales[group], leasts[group]];
    const [laterScale = 0, laterLeast = 0] = [scales[group + 4], leasts[group + 4]];
    out.setUint8(4 + group, scale | ((laterScale >> 4) << 6));
    out.setUint8(8 + group, least | ((laterLeast >> 4) << 6));
    out.setUint8(12 + group, (laterScale & 15) | ((laterLeast & 15) << 4));
  }
  for (const [group, scale] of scales.entries()) {
    const step = f32(halfOf(d ?? 0) * scale);
    if (step === 0) continue;
    const addend = f32(halfOf(dLeast ?? 0) * (leasts[group] ?? 0));
    for (let index = GROUP * group; index < GROUP * (group + 1); index += 1)
      codes[index] = bounded(nearest(f32(f32((values[index] ?? 0) + addend) / step)), 0, type.mostCode);
  }
  return codes;
};

/** Low four bits of two groups, the first in the low half of a byte; 128 bytes from `start` on. */
const writeLowBits = (codes: Uint8Array, out: DataView, start: number): void => {
  for (let index = 0; index < SUPER_BLOCK / 2; index += 1) {
    const at = ((index >> 5) << 6) + (index & 31);
    out.setUint8(start + index, ((codes[at] ?? 0) & 15) | (((codes[at + GROUP] ?? 0) & 15) << 4));
  }
};

export const encodeQ4K = (values: Float32Array, out: DataView): void => {
  writeLowBits(encodeScales(values, fourBits, out), out, 16);
};

/** Q5_K: as Q4_K, with the fifth bits of all groups in 32 bytes, one bit for each group. */
export const encodeQ5K = (values: Float32Array, out: DataView): void => {
  const codes = encodeScales(values, fiveBits, out);
  for (let index = 0; index < GROUP; index += 1) {
    let high = 0;
    for (let group = 0; group < SUPER_BLOCK / GROUP; group += 1)
      high |= ((codes[GROUP * group + index] ?? 0) >> 4) << group;
    out.setUint8(16 + index, high);
  }
  writeLowBits(codes, out, 16 + GROUP);
};

/** Groups of Q6_K: 16 values with codes from -32 to 31. */
const SMALL_GROUP = 16;
const HALF_RANGE = 32;
/** Candidate steps divide the largest magnitude into 31.1, 31.2, ... 32.9 parts. */
const OFFSETS = [-9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** Magnitudes below this are zeros. */
const NOTHING = f32(1e-15);

/** Codes (plus 32) of a group and its scale: that of the largest (sum w x q)^2 / (sum w q^2), with w = x^2. */
const fitSmallGroup = (values: Float32Array, codes: Uint8Array, at: number): number => {
  const largest = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (Math.abs(largest) < NOTHING) {
    codes.fill(0, at, at + SMALL_GROUP);
    return 0;
  }
  const code = (inverse: number, index: number): number =>
    bounded(nearest(f32(inverse * (values[index] ?? 0))), -HALF_RANGE, HALF_RANGE - 1);
  const sumsAt = (inverse: number): readonly [products: number, squares: number] => {
    let products = 0;
    let squares = 0;
    for (let index = 0; index < SMALL_GROUP; index += 1) {
      const value = values[index] ?? 0;
      const level = code(inverse, index);
      const weight = f32(value * value);
      products = f32(products + f32(f32(weight * value) * level));
      squares = f32(squares + f32(f32(weight * level) * level));
    }
    return [products, squares];
  };
  let chosen = f32(-HALF_RANGE / largest);
  const [products, squares] = sumsAt(chosen);
  let scale = squares === 0 ? 0 : f32(products / squares);
  let best = f32(scale * products);
  for (const offset of OFFSETS) {
    const inverse = f32(-f32(HALF_RANGE + f32(TRIED_STEP * offset)) / largest);
    const [ownProducts, ownSquares] = sumsAt(inverse);
    if (!(ownSquares > 0 && f32(ownProducts * ownProducts) > f32(best * ownSquares))) continue;
    chosen = inverse;
    scale = f32(ownProducts / ownSquares);
    best = f32(scale * ownProducts);
  }
  for (let index = 0; index < SMALL_GROUP; index += 1) codes[at + index] = code(chosen, index) + HALF_RANGE;
  return scale;
};

/** Q6_K: groups of 16 values x = d * scale * q, with d of all groups in float16 and scales of eight bits. */
export const encodeQ6K = (values: Float32Array, out: DataView): void => {
  const codes = new Uint8Array(SUPER_BLOCK);
  const fitted = Array.from({ length: SUPER_BLOCK / SMALL_GROUP }, (_, group) =>
    fitSmallGroup(values.subarray(group * SMALL_GROUP, (group + 1) * SMALL_GROUP), codes, group * SMALL_GROUP),
  );
  const largest = fitted.reduce((most, scale) => (Math.abs(scale) > Math.abs(most) ? scale : most), 0);
  if (Math.abs(largest) < NOTHING) return;
  const toScale = f32(-128 / largest);
  const d = numberToHalf(f32(1 / toScale));
  const scales = fitted.map((scale) => Math.min(127, nearest(f32(toScale * scale))));
  for (const [group, scale] of scales.entries()) {
    out.setInt8(192 + group, scale);
    const step = f32(halfOf(d) * scale);
    if (step === 0) continue;
    for (let index = SMALL_GROUP * group; index < SMALL_GROUP * (group + 1); index += 1) {
      const level = bounded(nearest(f32((values[index] ?? 0) / step)), -HALF_RANGE, HALF_RANGE - 1);
      codes[index] = level + HALF_RANGE;
    }
  }
  out.setUint16(208, d, true);
  // Halves of 128 values: low four bits of values j and j + 64 in a byte, high two of j, j + 32, j + 64 and j + 96.
  for (let half = 0; half < 2; half += 1) {
    const codeAt = (index: number): number => codes[128 * half + index] ?? 0;
    for (let index = 0; index < 64; index += 1)
      out.setUint8(64 * half + index, (codeAt(index) & 15) | ((codeAt(index + 64) & 15) << 4));
    for (let index = 0; index < 32; index += 1) {
      const high = [0, 32, 64, 96].reduce(
        (bits, more, place) => bits | ((codeAt(index + more) >> 4) << (2 * place)),
        0,
      );
      out.setUint8(128 + 32 * half + index, high);
    }
  }
};
