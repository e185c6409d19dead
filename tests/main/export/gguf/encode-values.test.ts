import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ggufTypes as formatTypes, isBlockType } from '../../../../main/checkpoint/gguf/gguf-types.ts';
import { BLOCK_VALUES, decodeValues, encodeValues, roundValues } from '../../../../main/export/gguf/encode-values.ts';
import { ggufType, ggufTypes } from '../../../../main/contract/export.ts';

const fixture = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../fixtures/reference/gguf/blocks.json');
const block = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 32, maxLength: 32 });
const hexOf = (values: Uint8Array | Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
const floatsOf = (hex: string): Float32Array => new Float32Array(Uint8Array.from(Buffer.from(hex, 'hex')).buffer);
const encoded = z.object({ bytes: z.string(), values: z.string() });

describe('the types of weights', () => {
  it('equal the reference quantiser byte for byte, and its dequantised values bit for bit', async () => {
    const { values, types } = z
      .object({ values: z.string(), types: z.partialRecord(ggufType, encoded) })
      .parse(JSON.parse(await readFile(fixture, 'utf8')));
    expect(Object.keys(types).sort()).toEqual(ggufTypes.filter((type) => type !== 'f32').sort());
    for (const type of ggufTypes.filter((one) => one !== 'f32')) {
      const { bytes, values: back } = types[type] ?? expect.fail(type);
      expect([type, hexOf(encodeValues(type, floatsOf(values)))]).toEqual([type, bytes]);
      expect([type, hexOf(decodeValues(type, Uint8Array.from(Buffer.from(bytes, 'hex'))))]).toEqual([type, back]);
      expect([type, hexOf(roundValues(type, floatsOf(values)))]).toEqual([type, back]);
    }
  });

  it('have names that exports know', () => {
    expect(Object.keys(formatTypes)).toEqual(expect.arrayContaining([...ggufTypes]));
    const blocks = ggufTypes.filter(isBlockType);
    expect(blocks).toEqual(['q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0']);
    expect(blocks.filter((type) => formatTypes[type].values !== BLOCK_VALUES)).toEqual([]);
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
