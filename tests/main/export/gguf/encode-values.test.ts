import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { halvesToFloat32 } from '../../../../main/checkpoint/half-precision.ts';
import { encodeValues } from '../../../../main/export/gguf/encode-values.ts';
import { Q8_VALUES, rowBytes } from '../../../../main/export/gguf/gguf-header.ts';

const fixture = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../fixtures/reference/gguf/q8_0.json');
const block = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 32, maxLength: 32 });

/** Values of Q8_0 blocks as a reader decodes them: scale times signed byte in float32. */
const dequantise = (bytes: Uint8Array): Float32Array => {
  const blockBytes = rowBytes('q8_0', Q8_VALUES);
  const blocks = bytes.length / blockBytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(blocks * Q8_VALUES);
  for (let block = 0; block < blocks; block += 1) {
    const [scale = 0] = halvesToFloat32(Uint16Array.of(view.getUint16(block * blockBytes, true)));
    for (let index = 0; index < Q8_VALUES; index += 1)
      out[block * Q8_VALUES + index] = scale * view.getInt8(block * blockBytes + 2 + index);
  }
  return out;
};

describe('Q8_0', () => {
  it('equals the reference quantiser byte for byte', async () => {
    const { values, blocks } = z
      .object({ values: z.array(z.number()), blocks: z.string() })
      .parse(JSON.parse(await readFile(fixture, 'utf8')));
    expect(values.length).toBe(256);
    expect(Buffer.from(encodeValues('q8_0', Float32Array.from(values))).toString('hex')).toBe(blocks);
  });

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
        const back = dequantise(encodeValues('q8_0', Float32Array.from(values)));
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
