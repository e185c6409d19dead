import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlainDtype } from '../../../main/checkpoint/descriptor.ts';
import { readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { dtypeBytes, readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const dtypes = Object.keys(dtypeBytes) as PlainDtype[];

const tensor = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }) })
  .chain(({ dtype, shape }) => {
    const length = shape.reduce((product, each) => product * each, dtypeBytes[dtype]);
    return fc.record({
      dtype: fc.constant(dtype),
      shape: fc.constant(shape),
      bytes: fc.uint8Array({ minLength: length, maxLength: length }),
    });
  });

describe('safetensors files', () => {
  it('are read as they were written, whole or in chunks', async () => {
    const entries = fc.uniqueArray(
      fc.tuple(
        fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
        tensor,
      ),
      { maxLength: 5, selector: ([name]) => name },
    );
    const metadata = fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.string(),
      { maxKeys: 3 },
    );
    await fc.assert(
      fc.asyncProperty(entries, metadata, fc.integer({ min: 1, max: 9 }), async (tensors, facts, chunk) => {
        const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-test-'));
        const file = path.join(folder, 'x.safetensors');
        const seen: Uint8Array[] = [];
        async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
          for (let start = 0; start < bytes.length; start += chunk)
            yield await Promise.resolve(bytes.subarray(start, start + chunk));
        }
        const size = await writeSafetensors(
          file,
          tensors.map(([name, { dtype, shape, bytes }], index) => ({
            name,
            dtype,
            shape,
            byteLength: bytes.length,
            bytes: () => (index % 2 === 0 ? bytes : chunks(bytes)),
          })),
          facts,
          (bytes) => seen.push(bytes.slice()),
        );
        const header = await readSafetensorsHeader(file);
        const written = await readFile(file);
        expect(Buffer.concat(seen).equals(written)).toBe(true);
        expect(written.length).toBe(size);
        expect(header.metadata).toEqual(facts);
        expect([...header.tensors.keys()].sort()).toEqual(tensors.map(([name]) => name).sort());
        for (const [name, { dtype, shape, bytes }] of tensors) {
          const view = header.tensors.get(name);
          expect(view).toMatchObject({ tensor: name, dtype, shape, byteLength: bytes.length });
          if (view !== undefined) expect(await readTensorBytes(view)).toEqual(bytes);
        }
        await rm(folder, { recursive: true });
      }),
      { numRuns: 50 },
    );
  });

  it('never replace a file, and name a tensor with too few bytes', async () => {
    const file = path.join(await temporaryFolder(), 'x.safetensors');
    await writeSafetensors(file, [tensorInMemory('a', 'F32', [2], Float32Array.of(1, 2))]);
    await expect(writeSafetensors(file, [])).rejects.toMatchObject({ code: 'EEXIST' });
    await rm(file);
    await expect(
      writeSafetensors(file, [
        { name: 'short', dtype: 'F32', shape: [2], byteLength: 8, bytes: () => new Uint8Array(4) },
      ]),
    ).rejects.toThrow(/"short" gave 4 bytes instead of 8/);
  });
});

/** A file with this header and this number of bytes of data. */
const fileWith = async (header: string, data: number, claimed = Buffer.byteLength(header)): Promise<string> => {
  const file = path.join(await temporaryFolder(), 'bad.safetensors');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed));
  await writeFile(file, Buffer.concat([length, Buffer.from(header), Buffer.alloc(data)]));
  return file;
};

const entry = (dtype: string, shape: readonly unknown[], begin: number, end: number): string =>
  JSON.stringify({ w: { dtype, shape, data_offsets: [begin, end] } });

describe('a damaged safetensors file is refused with the position', () => {
  it.each([
    ['a header longer than the file', '{}', 0, 400, /its header needs 400 bytes but the file has 10/],
    ['an absurd header length', '{}', 0, 2 ** 40, /its header claims 1099511627776 bytes/],
    ['no JSON', '{"w"', 0, undefined, /its header is not JSON/],
    ['a list', '[]', 0, undefined, /its header is not an object/],
    [
      'an entry without offsets',
      '{"w":{"dtype":"F32","shape":[1]}}',
      4,
      undefined,
      /the entry of tensor "w" is malformed/,
    ],
    ['a negative length', entry('F32', [-1], 0, 4), 4, undefined, /the entry of tensor "w" is malformed/],
    [
      'too few bytes for the shape',
      entry('F32', [3], 0, 8),
      8,
      undefined,
      /tensor "w" \(F32 \[3\]\) needs 12 bytes but has 8/,
    ],
    [
      'a truncated tensor',
      entry('F32', [4], 0, 16),
      12,
      undefined,
      /tensor "w" ends at byte \d+ but the file has \d+ \(truncated\)/,
    ],
    [
      'a gap before a tensor',
      entry('F32', [1], 4, 8),
      8,
      undefined,
      /tensor "w" starts at byte 4 of the data, where the one before ends at 0/,
    ],
    [
      'tensors that overlap',
      JSON.stringify({
        a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
        b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
      }),
      8,
      undefined,
      /tensor "b" starts at byte 4 of the data, where the one before ends at 8/,
    ],
    [
      'bytes behind the last tensor',
      entry('F32', [1], 0, 4),
      12,
      undefined,
      /its tensors end at byte 4 of 12 bytes of data/,
    ],
    [
      'metadata that are no strings',
      '{"__metadata__":{"a":1}}',
      0,
      undefined,
      /its __metadata__ is not a map of strings/,
    ],
  ])('%s', async (_what, header, data, claimed, message) => {
    const file = await fileWith(header, data, claimed);
    const refused = expect(readSafetensorsHeader(file)).rejects;
    await refused.toMatchObject({ code: 'bad-safetensors', kind: 'refused' });
    await expect(readSafetensorsHeader(file)).rejects.toThrow(message);
    await expect(readSafetensorsHeader(file)).rejects.toThrow(file);
  });

  it('a dtype that cannot be read', async () => {
    const file = await fileWith(entry('F42', [1], 0, 4), 4);
    await expect(readSafetensorsHeader(file)).rejects.toMatchObject({
      code: 'wrong-dtype',
      message: `${file}: tensor "w" is F42, which is not supported.`,
    });
  });

  it('an empty file', async () => {
    const file = path.join(await temporaryFolder(), 'empty.safetensors');
    await writeFile(file, '');
    await expect(readSafetensorsHeader(file)).rejects.toThrow(/it has 0 bytes, fewer than its length field/);
  });

  it('a missing file', async () => {
    const file = path.join(await temporaryFolder(), 'absent.safetensors');
    await expect(readSafetensorsHeader(file)).rejects.toMatchObject({ code: 'missing-file', kind: 'refused' });
  });
});
