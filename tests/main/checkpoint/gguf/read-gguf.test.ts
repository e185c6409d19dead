import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGguf } from '../../../../main/checkpoint/gguf/read-gguf.ts';
import { encodeHeader } from '../../../../main/export/gguf/gguf-header.ts';
import { ggufFile as fileWith, metadata, type RawTensor, text, u32, u64 } from './gguf-bytes.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const ggufFile = (values: readonly Buffer[], tensors: readonly RawTensor[], data: number, version?: number): Buffer =>
  fileWith(values, tensors, Buffer.alloc(data), version);

const written = async (bytes: Uint8Array): Promise<string> => {
  const file = path.join(await temporaryFolder(), 'model.gguf');
  await writeFile(file, bytes);
  return file;
};

const [F32, Q4_K] = [0, 12];
const sound: readonly RawTensor[] = [
  { name: 'a', shape: [2, 4], type: F32, offset: 0 },
  { name: 'b', shape: [2, 256], type: Q4_K, offset: 32 },
];

describe('the header of a GGUF file', () => {
  it('is read with values of every type, and the bytes of each', async () => {
    const values = [
      metadata('u8', 0, Buffer.of(200)),
      metadata('i8', 1, Buffer.of(200)),
      metadata('u16', 2, Buffer.of(1, 2)),
      metadata('i16', 3, Buffer.of(255, 255)),
      metadata('u32', 4, u32(7)),
      metadata('i32', 5, u32(2 ** 32 - 2)),
      metadata('f32', 6, Buffer.from(Float32Array.of(0.5).buffer)),
      metadata('bool', 7, Buffer.of(1)),
      metadata('words', 8, text('é')),
      metadata('list', 9, u32(8), u64(2), text('a'), text('b')),
      metadata('flags', 9, u32(7), u64(2), Buffer.of(0, 1)),
      metadata('shorts', 9, u32(3), u64(2), Buffer.of(1, 0, 254, 255)),
      metadata('u64', 10, u64(9)),
      metadata('i64', 11, u64(3)),
      metadata('f64', 12, Buffer.from(Float64Array.of(0.1).buffer)),
    ];
    const { metadata: found, tensors } = await readGguf(await written(ggufFile(values, sound, 32 + 288)));
    expect([...found].map(([key, { value }]) => [key, value])).toEqual([
      ['u8', 200],
      ['i8', -56],
      ['u16', 513],
      ['i16', -1],
      ['u32', 7],
      ['i32', -2],
      ['f32', 0.5],
      ['bool', true],
      ['words', 'é'],
      ['list', ['a', 'b']],
      ['flags', [false, true]],
      ['shorts', [1, -2]],
      ['u64', 9],
      ['i64', 3],
      ['f64', 0.1],
    ]);
    expect([...found.values()].map(({ bytes }) => Buffer.from(bytes))).toEqual(values);
    expect(tensors.map(({ name, type, shape, byteLength }) => ({ name, type, shape, byteLength }))).toEqual([
      { name: 'a', type: 'f32', shape: [2, 4], byteLength: 32 },
      { name: 'b', type: 'q4_k', shape: [2, 256], byteLength: 288 },
    ]);
  });

  it('is read as the workbench writes it, also if it is larger than the first read', async () => {
    const tokens = Array.from({ length: 20_000 }, (_, id) => `token ${String(id)}`);
    const { bytes, tensors } = encodeHeader(new Map([['tokens', { kind: 'strings', value: tokens }]]), [
      { name: 't', type: 'q8_0', shape: [3, 32] },
    ]);
    const found = await readGguf(await written(Buffer.concat([bytes, Buffer.alloc(3 * 34)])));
    expect(found.metadata.get('tokens')?.value).toEqual(tokens);
    expect(found.tensors).toEqual(tensors);
  });

  it('is refused with the reason if it does not fit the file or the format', async () => {
    const at = (offset: number): readonly RawTensor[] =>
      sound.map((each) => (each.name === 'b' ? { ...each, offset } : each));
    const [a, b] = sound;
    if (a === undefined || b === undefined) throw new Error('no tensors');
    const counted = ggufFile([], [], 0);
    counted.writeBigUInt64LE(2n ** 40n, 8);
    const aligned = metadata('general.alignment', 4, u32(12));
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.from('GGML....'), /does not start with "GGUF"/],
      [ggufFile([], [], 0, 1), /of version 1, and only 2 and 3/],
      [ggufFile([], sound, 320).subarray(0, 60), /promises more than its 60 bytes/],
      [ggufFile([], sound, 319), /tensor "b" ends at byte \d+, but the file has \d+ \(it is cut off\)/],
      [ggufFile([], at(0), 320), /tensor "b" starts at byte \d+, within the one before it/],
      [ggufFile([], at(64), 400), /tensor "b" starts at byte \d+, but the data before it end at byte \d+/],
      [ggufFile([], at(33), 400), /tensor "b" does not start at a multiple of 32/],
      [ggufFile([], [a, { ...b, name: 'a' }], 320), /tensor "a" is there twice/],
      [ggufFile([metadata('k', 7, Buffer.of(1)), metadata('k', 7, Buffer.of(0))], [], 0), /"k" is there twice/],
      [ggufFile([metadata('k', 13, Buffer.of(1))], [], 0), /"k" is a value of type 13/],
      [ggufFile([metadata('k', 9, u32(9), u64(1), u32(4), u64(0))], [], 0), /"k" is a list of values of type 9/],
      [ggufFile([metadata('k', 9, u32(8), u64(2 ** 30))], [], 0), /"k" is a list of 1073741824 values/],
      [ggufFile([aligned], [], 0), /"general.alignment" is 12/],
      [counted, /claims 1099511627776 tensors \(limit 200000\)/],
      [
        ggufFile([], [{ ...b, shape: [2, 128] }], 320),
        /\[2, 128\], whose rows are not whole blocks of 256 values of q4_k/,
      ],
      [ggufFile([], [{ ...a, shape: [0, 4] }], 320), /tensor "a" has shape \[0, 4\]/],
      [ggufFile([], [{ ...a, shape: [2 ** 40, 2 ** 40] }], 320), /tensor "a" has shape/],
      [ggufFile([], [{ ...a, type: 99 }], 320), /tensor "a" is of type 99, which is not read/],
    ];
    for (const [content, message] of cases) await expect(readGguf(await written(content))).rejects.toThrow(message);
  });
});
