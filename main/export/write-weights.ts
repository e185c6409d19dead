import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { writeSafetensors } from '../checkpoint/write-safetensors.ts';
import type { ExportedTensor } from './exported-tensors.ts';
import { tensorBytes } from './tensor-bytes.ts';

export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/**
 * Writes the weights of an export in the source's shards, leaving out shards of which nothing is left, and the index
 * where there is more than one file by the source's account. Tensors stream: nothing is held but one chunk. Gives the
 * SHA-256 of every file written. `onBytes` may throw to stop.
 */
export const writeWeights = async (
  checkpoint: Checkpoint,
  tensors: readonly ExportedTensor[],
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<ReadonlyMap<string, string>> => {
  const checksums = new Map<string, string>();
  const weightMap = new Map<string, string>();
  const shards = checkpoint.weightFiles
    .map(({ name, file }) => ({ file, tensors: tensors.filter(({ sourceFile }) => sourceFile === name) }))
    .filter((shard) => shard.tensors.length > 0);
  const sharded = checkpoint.weightFiles.some(({ name }) => name !== SINGLE_FILE);
  for (const [index, shard] of shards.entries()) {
    const name = sharded ? shardName(index + 1, shards.length) : SINGLE_FILE;
    const { metadata } = await readSafetensorsHeader(shard.file);
    const hash = createHash('sha256');
    await writeSafetensors(
      path.join(folder, name),
      shard.tensors.map((tensor) => ({ ...tensor, bytes: () => tensorBytes(tensor.pieces) })),
      // Stock loaders refuse a file that does not say which framework wrote it.
      { format: 'pt', ...metadata },
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

const writeIndex = async (file: string, tensors: readonly ExportedTensor[], weightMap: ReadonlyMap<string, string>): Promise<string> => {
  const index = {
    metadata: {
      total_parameters: tensors.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0),
      total_size: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    },
    weight_map: Object.fromEntries([...weightMap].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return writeFlushed(file, `${JSON.stringify(index, null, 2)}\n`);
};

/** Writes a text file and flushes it to disk; gives its SHA-256. */
export const writeFlushed = async (file: string, text: string): Promise<string> => {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return createHash('sha256').update(text).digest('hex');
};
