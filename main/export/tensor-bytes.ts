import { open, type FileHandle } from 'node:fs/promises';
import type { TensorView } from '../checkpoint/descriptor.ts';
import { refuse } from '../contract/errors.ts';
import type { TensorPiece } from './exported-tensors.ts';

/** Small enough that a cancel is noticed within a second on a slow disk, large enough for full speed. */
const CHUNK_BYTES = 8 * 2 ** 20;

/** The bytes of pieces one behind the other, in chunks of at most 8 MiB that do not cross pieces. */
export async function* tensorBytes(pieces: readonly TensorPiece[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { view } of pieces) {
    const handle = await open(view.file, 'r');
    try {
      for (let done = 0; done < view.byteLength; ) {
        const chunk = await readChunk(handle, view, done);
        done += chunk.length;
        yield chunk;
      }
    } finally {
      await handle.close();
    }
  }
}

const readChunk = async (handle: FileHandle, view: TensorView, from: number): Promise<Uint8Array> => {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, view.byteLength - from));
  for (let filled = 0; filled < chunk.length; ) {
    const { bytesRead } = await handle.read(chunk, filled, chunk.length - filled, view.byteOffset + from + filled);
    if (bytesRead === 0) {
      throw refuse('truncated-file', `${view.file} ends inside tensor "${view.tensor}".`, 'Fetch the file again: it is incomplete, or it changed after it was opened.');
    }
    filled += bytesRead;
  }
  return chunk;
};
