/** Conversions between float32 and the 16-bit formats of checkpoints, exact or rounded to nearest even. */

const word = new Uint32Array(1);
const value = new Float32Array(word.buffer);

/** IEEE 754 binary16 bits -> number (exact). */
export const halfToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

const halfTable = new Float32Array(65536);
for (let bits = 0; bits < 65536; bits += 1) halfTable[bits] = halfToNumber(bits);

/** The same by a table. */
export const halfOf = (bits: number): number => halfTable[bits] ?? 0;

export const halvesToFloat32 = (halves: Uint16Array): Float32Array => {
  const out = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index += 1) out[index] = halfTable[halves[index] ?? 0] ?? 0;
  return out;
};

/** float32 -> binary16 bits, to nearest, ties to even; overflow gives infinity. */
export const numberToHalf = (number: number): number => {
  value[0] = number;
  const bits = word[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal half: a multiple of 2^-24; the product below is exact in double precision.
    const scaled = Math.abs(value[0]) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rebiased = magnitude - 0x38000000;
  return sign | ((rebiased + 0x0fff + ((rebiased >>> 13) & 1)) >>> 13);
};

export const float32ToHalves = (floats: Float32Array): Uint16Array => {
  const out = new Uint16Array(floats.length);
  for (let index = 0; index < floats.length; index += 1) out[index] = numberToHalf(floats[index] ?? 0);
  return out;
};

/** bfloat16 is the upper half of a float32. */
export const bfloatsToFloat32 = (bfloats: Uint16Array): Float32Array => {
  const out = new Uint32Array(bfloats.length);
  for (let index = 0; index < bfloats.length; index += 1) out[index] = (bfloats[index] ?? 0) << 16;
  return new Float32Array(out.buffer);
};

export const float32ToBfloats = (floats: Float32Array): Uint16Array => {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const out = new Uint16Array(floats.length);
  for (let index = 0; index < floats.length; index += 1) {
    const bits = words[index] ?? 0;
    const isNan = (bits & 0x7fffffff) > 0x7f800000;
    out[index] = isNan ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return out;
};
