import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bfloatsToFloat32,
  float32ToBfloats,
  float32ToHalves,
  halfToNumber,
  halvesToFloat32,
  numberToHalf,
} from '../../../main/checkpoint/half-precision.ts';

const everyHalf = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** IEEE 754 binary16 by its definition. */
const plainHalf = (bits: number): number => {
  const sign = bits >= 32768 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = bits % 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * (fraction / 1024) * 2 ** -14;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

const finiteHalves = [...everyHalf]
  .map((bits) => ({ bits, value: plainHalf(bits) }))
  .filter(({ value }) => Number.isFinite(value));
const ascending = finiteHalves.filter(({ bits }) => bits < 32768).sort((a, b) => a.value - b.value);

/** The nearest half by search; of two equally near ones the one with an even last bit. */
const nearestHalf = (value: number): number => {
  const magnitude = Math.abs(value);
  const sign = Object.is(value, -0) || value < 0 ? 32768 : 0;
  // Halfway from the largest half to the next power of two, and beyond: infinity.
  if (magnitude >= 65520) return sign + 0x7c00;
  let [low, high] = [0, ascending.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((ascending[middle]?.value ?? 0) <= magnitude) low = middle;
    else high = middle;
  }
  const [below, above] = [ascending[low]!, ascending[high]!];
  const [toBelow, toAbove] = [magnitude - below.value, above.value - magnitude];
  const nearest = toBelow < toAbove || (toBelow === toAbove && below.bits % 2 === 0) ? below : above;
  return sign + nearest.bits;
};

describe('binary16', () => {
  it('decodes all 65536 halves exactly', () => {
    const decoded = halvesToFloat32(everyHalf);
    const wrong = [...everyHalf].filter(
      (bits) => !Object.is(decoded[bits], plainHalf(bits)) || !Object.is(halfToNumber(bits), plainHalf(bits)),
    );
    expect(wrong).toEqual([]);
  });

  it('encodes every decoded half to itself, and all NaNs to one of them', () => {
    const back = float32ToHalves(halvesToFloat32(everyHalf));
    const wrong = [...everyHalf].filter((bits) =>
      Number.isNaN(plainHalf(bits)) ? !Number.isNaN(plainHalf(back[bits] ?? 0)) : back[bits] !== bits,
    );
    expect(wrong).toEqual([]);
  });

  it('rounds numbers between two halves to the nearer one, ties to even', () => {
    const between = ascending.slice(0, -1).flatMap(({ value }, index) => {
      const next = ascending[index + 1]?.value ?? value;
      return [0.25, 0.5, 0.75].map((share) => Math.fround(value + share * (next - value)));
    });
    expect(between.filter((value) => numberToHalf(value) !== nearestHalf(value))).toEqual([]);
  });

  it('rounds any float32 according to the definition', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => numberToHalf(value) === nearestHalf(value)),
      { numRuns: 5000 },
    );
  });
});

describe('bfloat16', () => {
  it('is the upper half of a float32, both ways', () => {
    const decoded = bfloatsToFloat32(everyHalf);
    const words = new Uint32Array(decoded.buffer);
    expect([...everyHalf].filter((bits) => words[bits] !== bits * 65536)).toEqual([]);
    const back = float32ToBfloats(decoded);
    const wrong = [...everyHalf].filter(
      (bits) =>
        back[bits] !== bits &&
        !(Number.isNaN(decoded[bits] ?? 0) && Number.isNaN(bfloatsToFloat32(back.subarray(bits, bits + 1))[0] ?? 0)),
    );
    expect(wrong).toEqual([]);
  });

  it('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const [bits] = float32ToBfloats(Float32Array.of(value));
        const lower = new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16;
        const [below, above] = [lower, lower + 1].map((each) => bfloatsToFloat32(Uint16Array.of(each))[0]!);
        const [toBelow, toAbove] = [Math.abs(value - below!), Math.abs(above! - value)];
        const wanted = toBelow < toAbove || (toBelow === toAbove && lower % 2 === 0) ? lower : lower + 1;
        // After the largest bfloat16 comes infinity, whose distance cannot be computed.
        return Number.isFinite(above) ? bits === wanted : bits === lower || bits === lower + 1;
      }),
      { numRuns: 5000 },
    );
  });
});
