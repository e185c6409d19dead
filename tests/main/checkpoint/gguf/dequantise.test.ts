import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dequantise } from '../../../../main/checkpoint/gguf/dequantise.ts';
import { type GgufTensorType, ggufTypes, isBlockType } from '../../../../main/checkpoint/gguf/gguf-types.ts';

const fixture = path.join(import.meta.dirname, '../../../fixtures/reference/gguf/random-blocks.json');
const types = (Object.keys(ggufTypes) as GgufTensorType[]).filter(isBlockType);

describe('blocks of quantised weights', () => {
  it.for(types)('%s has the values of the package gguf, bit for bit', async (type) => {
    const { types: known } = z
      .object({ types: z.record(z.string(), z.object({ blocks: z.base64(), sha256: z.string() })) })
      .parse(JSON.parse(await readFile(fixture, 'utf8')));
    const expected = known[type];
    const bytes = Buffer.from(expected?.blocks ?? '', 'base64');
    expect(bytes.length).toBe(6 * ggufTypes[type].bytes);
    const floats = dequantise(type, bytes);
    expect(floats.length).toBe(6 * ggufTypes[type].values);
    expect(createHash('sha256').update(new Uint8Array(floats.buffer)).digest('hex')).toBe(expected?.sha256);
  });

  it('are refused if one is cut off', () => {
    expect(() => dequantise('q4_k', new Uint8Array(143))).toThrow('143 bytes are not whole blocks of q4_k (144 bytes)');
  });
});
