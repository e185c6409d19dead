import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fromFloat32, toFloat32 } from '../../../main/checkpoint/read-tensor.ts';
import { compressedTypes } from '../../../main/contract/export.ts';
import { quantiseMatrix } from '../../../main/export/quantise-matrix.ts';

const [ROWS, COLUMNS] = [160, 288];
const fixture = path.join(import.meta.dirname, '..', '..', 'fixtures', 'quantised-matrices.json');

/** The matrix of tests/fixtures/python/quantiser-hashes.py. */
const matrix = (): Float32Array => {
  let state = 12345;
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, index) => {
    const row = Math.floor(index / COLUMNS);
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (row === 3 || state % 97 === 0) return 0;
    const bits = row % 3 === 0 ? 4 : 20;
    return ((state >>> (32 - bits)) - 2 ** (bits - 1)) * 2 ** ((row % 7) - 8 - bits);
  });
};
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a quantised matrix', () => {
  it.each(compressedTypes.flatMap((type) => (['F32', 'BF16'] as const).map((dtype) => [type, dtype] as const)))(
    'as %s with scales in %s equals that of the package, byte for byte',
    async (type, dtype) => {
      const wanted = z
        .record(z.string(), z.record(z.string(), z.string()))
        .parse(JSON.parse(await readFile(fixture, 'utf8')));
      const values = Float32Array.from(toFloat32(fromFloat32(matrix(), dtype), dtype, 'matrix'));
      const { codes, scales, divisor } = quantiseMatrix(type, 'matrix', values, [ROWS, COLUMNS], dtype);
      expect({
        [type.startsWith('fp8') ? 'weight' : 'weight_packed']: hashOf(codes),
        weight_scale: hashOf(scales),
        ...(divisor === null ? {} : { weight_global_scale: hashOf(new Uint8Array(Float32Array.of(divisor).buffer)) }),
      }).toEqual(wanted[`${type} ${dtype === 'F32' ? 'float32' : 'bfloat16'}`]);
    },
  );

  it.each([Number.NaN, Infinity])('is refused by name where a value is %d', (value) => {
    const values = new Float32Array(32);
    values[5] = value;
    expect(() => quantiseMatrix('int4', 'the.matrix', values, [1, 32], 'F32')).toThrow(
      'tensor "the.matrix" has values that are no numbers',
    );
  });
});
