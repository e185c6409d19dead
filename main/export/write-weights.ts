import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { valuesIn } from '../arithmetic/vectors.ts';
import { type Checkpoint, INDEX_FILE, SINGLE_FILE } from '../checkpoint/open-checkpoint.ts';
import { readTensorBytes } from '../checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { safetensorsBytes, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { refuse } from '../contract/errors.ts';
import { openToRead, readFully } from '../files/regular-file.ts';
import { flushed } from '../files/write-atomically.ts';
import type { ExportedTensor, TensorPiece } from './exported-tensors.ts';

/** Small enough to notice a cancel within a second on a slow disk, large enough for full speed. */
const CHUNK_BYTES = 2 ** 20;

/** Memory for the chunks of `tensorBytes`. Whoever reads many tensors keeps it: new memory costs as much as reading. */
export const chunkBuffer = (): Uint8Array => new Uint8Array(CHUNK_BYTES);

/**
 * The concatenated bytes of pieces, times their factors, in chunks of at most 1 MiB that do not cross pieces. A chunk
 * lies in `buffer` (of 1 MiB), so it counts until the next one is requested.
 */
export async function* tensorBytes(
  pieces: readonly TensorPiece[],
  buffer: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { view } of pieces) {
    if (view.factor !== undefined) {
      const bytes = await readTensorBytes(view);
      for (let done = 0; done < bytes.length; done += CHUNK_BYTES) yield bytes.subarray(done, done + CHUNK_BYTES);
      continue;
    }
    const { handle } = await openToRead(view.file);
    try {
      for (let done = 0; done < view.byteLength; done += CHUNK_BYTES) {
        const wanted = buffer.subarray(0, Math.min(CHUNK_BYTES, view.byteLength - done));
        const chunk = await readFully(handle, wanted, view.byteOffset + done);
        if (chunk.length < wanted.length)
          throw refuse(
            'truncated-file',
            `${view.file} ends inside tensor "${view.tensor}".`,
            'Fetch the file again: it is incomplete, or it changed after it was opened.',
          );
        yield chunk;
      }
    } finally {
      await handle.close();
    }
  }
}

/** The shards of the source that an export has tensors of, each with them. */
const shardsOf = (
  { weightFiles }: Pick<Checkpoint, 'weightFiles'>,
  tensors: readonly ExportedTensor[],
): readonly { readonly file: string; readonly tensors: readonly ExportedTensor[] }[] =>
  weightFiles
    .map(({ name, file }) => ({ file, tensors: tensors.filter(({ sourceFile }) => sourceFile === name) }))
    .filter((shard) => shard.tensors.length > 0);

/** Metadata of a written shard. Stock loaders refuse a file that does not name the framework that wrote it. */
const shardMetadata = async (file: string): Promise<Readonly<Record<string, string>>> => ({
  format: 'pt',
  ...(await readSafetensorsHeader(file)).metadata,
});

/** Bytes of the weight files of an export, without the index of a sharded one. */
export const weightFileBytes = async (
  checkpoint: Pick<Checkpoint, 'weightFiles'>,
  tensors: readonly ExportedTensor[],
): Promise<number> => {
  let bytes = 0;
  for (const shard of shardsOf(checkpoint, tensors))
    bytes += safetensorsBytes(shard.tensors, await shardMetadata(shard.file));
  return bytes;
};

/**
 * Writes the weights of an export in the source's shards, without shards that would be empty, and the index if the
 * source is sharded. Tensors are streamed: only one chunk is in memory. Returns the SHA-256 of every file written.
 * `onBytes` may throw to stop.
 */
export const writeWeights = async (
  checkpoint: Checkpoint,
  tensors: readonly ExportedTensor[],
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<ReadonlyMap<string, string>> => {
  const checksums = new Map<string, string>();
  const weightMap = new Map<string, string>();
  const shards = shardsOf(checkpoint, tensors);
  const buffer = chunkBuffer();
  const sharded = checkpoint.weightFiles.some(({ name }) => name !== SINGLE_FILE);
  for (const [index, shard] of shards.entries()) {
    const name = sharded ? shardName(index + 1, shards.length) : SINGLE_FILE;
    const hash = createHash('sha256');
    await writeSafetensors(
      path.join(folder, name),
      shard.tensors.map((tensor) => ({ ...tensor, bytes: tensor.made ?? (() => tensorBytes(tensor.pieces, buffer)) })),
      await shardMetadata(shard.file),
      (bytes) => {
        hash.update(bytes);
        onBytes(bytes.length);
      },
    );
    checksums.set(name, hash.digest('hex'));
    for (const tensor of shard.tensors) weightMap.set(tensor.name, name);
  }
  if (sharded) checksums.set(INDEX_FILE, await writeIndex(path.join(folder, INDEX_FILE), tensors, weightMap));
  return checksums;
};

const shardName = (number: number, count: number): string => {
  const [shard, of] = [number, count].map((value) => String(value).padStart(5, '0'));
  return `model-${shard ?? ''}-of-${of ?? ''}.safetensors`;
};

const writeIndex = async (
  file: string,
  tensors: readonly ExportedTensor[],
  weightMap: ReadonlyMap<string, string>,
): Promise<string> => {
  const index = {
    metadata: {
      total_parameters: tensors.reduce((sum, { shape }) => sum + valuesIn(shape), 0),
      total_size: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    },
    weight_map: Object.fromEntries([...weightMap].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return writeFlushed(file, `${JSON.stringify(index, null, 2)}\n`);
};

/** Writes a text file and flushes it to disk; returns its SHA-256. */
export const writeFlushed = async (file: string, text: string): Promise<string> => {
  await flushed(open(file, 'wx'), (handle) => handle.writeFile(text));
  return createHash('sha256').update(text).digest('hex');
};

/** A tensor at its position in a file. */
interface PlacedTensor {
  readonly name: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

/**
 * Writes a new file with zeros between its tensors and flushes it to disk; returns its SHA-256. Keeps only one chunk in
 * memory. `onBytes` may throw to stop.
 */
export const writeTensors = async (
  file: string,
  header: Uint8Array,
  tensors: readonly PlacedTensor[],
  onBytes: (bytes: number) => void,
): Promise<string> => {
  const hash = createHash('sha256');
  await flushed(open(file, 'wx'), async (handle) => {
    let offset = 0;
    const write = async (bytes: Uint8Array): Promise<void> => {
      await handle.writeFile(bytes);
      hash.update(bytes);
      offset += bytes.length;
      onBytes(bytes.length);
    };
    await write(header);
    for (const { name, byteOffset, byteLength, bytes } of tensors) {
      await write(new Uint8Array(byteOffset - offset));
      for await (const chunk of bytes()) await write(chunk);
      if (offset !== byteOffset + byteLength) throw new Error(`${name} has another length`);
    }
  });
  return hash.digest('hex');
};
