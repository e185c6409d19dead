import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GgufValue } from '../../../../main/checkpoint/gguf/gguf-metadata.ts';
import { type GgufContents, readGguf } from '../../../../main/checkpoint/gguf/read-gguf.ts';
import { encodeHeader } from '../../../../main/export/gguf/gguf-header.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const whole = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const value: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.record({ kind: fc.constant('uint32' as const), value: whole }),
  fc.record({ kind: fc.constant('int32' as const), value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
  fc.record({ kind: fc.constant('float32' as const), value: fc.float({ noNaN: true }) }),
  fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('strings' as const), value: fc.array(fc.string({ unit: 'grapheme' })) }),
  fc.record({ kind: fc.constant('int32s' as const), value: fc.array(fc.integer({ min: -9, max: 9 })) }),
  fc.record({ kind: fc.constant('float32s' as const), value: fc.array(fc.float({ noNaN: true })) }),
);
const tensor = fc.record({
  type: fc.constantFrom('f32' as const, 'f16' as const, 'bf16' as const, 'q8_0' as const),
  rows: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
  blocks: fc.integer({ min: 1, max: 3 }),
});

const written = async (bytes: Uint8Array): Promise<string> => {
  const file = path.join(await temporaryFolder(), 'model.gguf');
  await writeFile(file, bytes);
  return file;
};

const valuesOf = ({ metadata }: GgufContents): ReadonlyMap<string, unknown> =>
  new Map([...metadata].map(([key, { value }]) => [key, value]));

describe('the header of a GGUF file', () => {
  it('is read as written, with tensors at multiples of 32 that do not overlap', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), value),
        fc.array(tensor, { maxLength: 5 }),
        async (values, shapes) => {
          const metadata = new Map(Object.entries(values));
          const wanted = shapes.map(({ type, rows, blocks }, index) => ({
            name: `t${String(index)}`,
            type,
            shape: [...rows, 32 * blocks],
          }));
          const { bytes, tensors } = encodeHeader(metadata, wanted);
          const end = tensors.reduce((most, { byteOffset, byteLength }) => Math.max(most, byteOffset + byteLength), 0);
          const file = await written(Buffer.concat([bytes, Buffer.alloc(Math.max(0, end - bytes.length))]));
          const found = await readGguf(file);
          expect(valuesOf(found)).toEqual(new Map(Object.entries(values).map(([key, entry]) => [key, entry.value])));
          expect(found.tensors).toEqual(tensors);
          let last = bytes.length;
          for (const { byteOffset, byteLength } of found.tensors) {
            expect(byteOffset % 32).toBe(0);
            expect(byteOffset).toBeGreaterThanOrEqual(last);
            last = byteOffset + byteLength;
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is read if it is larger than the first read', async () => {
    const metadata = new Map<string, GgufValue>([
      ['tokens', { kind: 'strings', value: Array.from({ length: 20_000 }, (_, id) => `token ${String(id)}`) }],
    ]);
    const { bytes } = encodeHeader(metadata, []);
    expect(bytes.length).toBeGreaterThan(2 ** 17);
    const found = await readGguf(await written(bytes));
    expect(valuesOf(found)).toEqual(new Map([['tokens', metadata.get('tokens')?.value]]));
  });
});
