import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TensorView } from '../../../main/checkpoint/descriptor.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { tensorProblems } from '../../../main/export/compare-tensors.ts';
import type { ExportedTensor } from '../../../main/export/exported-tensors.ts';
import { chunkBuffer, tensorBytes } from '../../../main/export/write-weights.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const CHUNK = chunkBuffer().length;
/** Two whole chunks and a part of one. */
const LENGTH = 2 * CHUNK + 12;

/** Two source tensors, and an export that holds both of them behind each other, written with one buffer. */
const written = async () => {
  const folder = await temporaryFolder();
  const [source, exported] = [join(folder, 'source.safetensors'), join(folder, 'exported.safetensors')];
  const random = seededRandom(7);
  const values = (): Uint8Array => Uint8Array.from({ length: LENGTH }, () => random.integer(256));
  const [first, second] = [values(), values()];
  await writeSafetensors(source, [
    tensorInMemory('first', 'U8', [LENGTH], first),
    tensorInMemory('second', 'U8', [LENGTH], second),
  ]);
  const { tensors } = await readSafetensorsHeader(source);
  const pieces = [...tensors.values()].map((view) => ({ view, what: view.tensor }));
  const shape = [2, LENGTH];
  const tensor: ExportedTensor = { name: 'both', dtype: 'U8', shape, byteLength: 2 * LENGTH, pieces, sourceFile: '' };
  const buffer = chunkBuffer();
  await writeSafetensors(exported, [{ ...tensor, bytes: () => tensorBytes(pieces, buffer) }]);
  const { tensors: views } = await readSafetensorsHeader(exported);
  const [view]: TensorView[] = [...views.values()];
  if (view === undefined) throw new Error('nothing was written');
  return { exported, tensor, view, views, bytes: Buffer.concat([first, second]) };
};

test('tensors longer than a chunk are written as they are, and compared to their last byte', async () => {
  const { exported, tensor, view, views, bytes } = await written();
  const handle = await open(exported, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(bytes.length), 0, bytes.length, view.byteOffset);
    expect(buffer.equals(bytes)).toBe(true);
    expect(await tensorProblems([tensor], views, () => undefined)).toEqual([]);
    for (const byte of [CHUNK, LENGTH + 2 * CHUNK + 11]) {
      const right = bytes.subarray(byte, byte + 1);
      await handle.write(Buffer.from([(right[0] ?? 0) ^ 1]), 0, 1, view.byteOffset + byte);
      expect(await tensorProblems([tensor], views, () => undefined)).toEqual([
        expect.stringContaining(`byte ${byte} of ${2 * LENGTH} differs`),
      ]);
      await handle.write(right, 0, 1, view.byteOffset + byte);
    }
  } finally {
    await handle.close();
  }
});

test('a source that ends inside a tensor is refused, after whole chunks too', async () => {
  const { tensor, views } = await written();
  const [piece] = tensor.pieces;
  if (piece === undefined) throw new Error('no piece');
  await writeFile(piece.view.file, Buffer.alloc(CHUNK + 100));
  await expect(tensorProblems([tensor], views, () => undefined)).rejects.toMatchObject({ code: 'truncated-file' });
});
