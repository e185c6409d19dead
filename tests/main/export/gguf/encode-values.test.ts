import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ggufTypes as formatTypes, isBlockType } from '../../../../main/checkpoint/gguf/gguf-types.ts';
import { decodeValues, encodeValues, roundValues } from '../../../../main/export/gguf/encode-values.ts';
import { ggufType, ggufTypes } from '../../../../main/contract/export.ts';

const fixtures = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../fixtures/reference/gguf');
const block = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 32, maxLength: 32 });
const hexOf = (values: Uint8Array | Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
const floatsOf = (hex: string): Float32Array => new Float32Array(Uint8Array.from(Buffer.from(hex, 'hex')).buffer);
/** Types that only llama.cpp quantises. */
const onlyGgml: readonly string[] = ['q6_k', 'q5_k', 'q4_k', 'nvfp4'];
const encoded = z.object({ bytes: z.string(), values: z.string() });

describe('the types of weights', () => {
  it('equal the quantiser of the gguf package byte for byte, and its dequantised values bit for bit', async () => {
    const { values, types } = z
      .object({ values: z.string(), types: z.partialRecord(ggufType, encoded) })
      .parse(JSON.parse(await readFile(path.join(fixtures, 'blocks.json'), 'utf8')));
    const known = ggufTypes.filter((type) => !['f32', ...onlyGgml].includes(type));
    expect(Object.keys(types).sort()).toEqual([...known].sort());
    for (const type of known) {
      const { bytes, values: back } = types[type] ?? expect.fail(type);
      expect([type, hexOf(encodeValues(type, floatsOf(values)))]).toEqual([type, bytes]);
      expect([type, hexOf(decodeValues(type, Uint8Array.from(Buffer.from(bytes, 'hex'))))]).toEqual([type, back]);
      expect([type, hexOf(roundValues(type, floatsOf(values)))]).toEqual([type, back]);
    }
  });

  it("equal llama.cpp's own quantiser byte for byte", async () => {
    const { values, types } = z
      .object({ values: z.string(), types: z.partialRecord(ggufType, z.string()) })
      .parse(JSON.parse(await readFile(path.join(fixtures, 'ggml-blocks.json'), 'utf8')));
    expect(Object.keys(types).sort()).toEqual(ggufTypes.filter(isBlockType).sort());
    for (const type of ggufTypes.filter(isBlockType)) {
      const { bytes: size } = formatTypes[type];
      const [written, wanted] = [hexOf(encodeValues(type, floatsOf(values))), types[type] ?? ''];
      const differing = Array.from({ length: wanted.length / size / 2 }, (_, index) => index).filter(
        (index) =>
          written.slice(2 * index * size, 2 * (index + 1) * size) !==
          wanted.slice(2 * index * size, 2 * (index + 1) * size),
      );
      expect([type, written.length, differing]).toEqual([type, wanted.length, []]);
    }
  });

  it('have names that exports know', () => {
    expect(Object.keys(formatTypes)).toEqual(expect.arrayContaining([...ggufTypes]));
  });
});

describe('Q8_0', () => {
  it('rounds halves away from zero', () => {
    const values = Float32Array.from({ length: 32 }, (_, index) => (index === 0 ? 127 : index - 15.5));
    const bytes = new Int8Array(encodeValues('q8_0', values).buffer);
    expect([...bytes.subarray(2, 5)]).toEqual([127, -15, -14]);
    expect([...bytes.subarray(17, 20)]).toEqual([-1, 1, 2]);
  });

  it('is off by at most half a step and the rounding of its scale', () => {
    fc.assert(
      fc.property(block, (values) => {
        const largest = Math.max(...values.map(Math.abs));
        const back = roundValues('q8_0', Float32Array.from(values));
        for (const [index, value] of values.entries())
          expect(Math.abs((back[index] ?? NaN) - value)).toBeLessThanOrEqual(largest * (0.5 / 127 + 2 ** -11) + 4e-6);
      }),
    );
  });
});

describe('the other types', () => {
  it('are little-endian and rounded to nearest even', () => {
    const values = Float32Array.of(1, -2.5, 1 + 2 ** -11, 1 + 3 * 2 ** -11);
    const hex = (type: 'f32' | 'f16' | 'bf16'): string => Buffer.from(encodeValues(type, values)).toString('hex');
    expect(hex('f32')).toBe('0000803f000020c00010803f0030803f');
    expect(hex('f16')).toBe('003c00c1003c023c');
    expect(hex('bf16')).toBe('803f20c0803f803f');
  });
});
