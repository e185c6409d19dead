import { createHash } from 'node:crypto';
import { openRegularFile } from '../files/regular-file.ts';
import type { SafetensorsHeader } from './safetensors-header.ts';

/** Checkpoints up to this size are hashed completely. */
const WHOLE_CHECKPOINT_BYTES = 64 * 2 ** 20;
/** For larger ones: size of windows in bytes, spread evenly over each file, including its first and last byte. */
const WINDOW_BYTES = 4096;
/** Windows per file, and limit for all files together as long as each has the minimum. */
const MOST_WINDOWS = 256;
const FEWEST_WINDOWS = 4;
const ALL_WINDOWS = 1024;
/** Bytes in memory at a time. */
const CHUNK_BYTES = 2 ** 20;

/**
 * Identity of a checkpoint: SHA-256 over the content of config.json, every safetensors header, and the weights (all of
 * them up to 64 MiB, sampled windows of larger ones, so that it takes a moment at any size and number of shards).
 * `files` are in the order of their names in the folder: a cache of links and a plain copy have the same fingerprint.
 */
export const fingerprintCheckpoint = async (
  config: Readonly<Record<string, unknown>>,
  files: readonly { readonly file: string; readonly header: Pick<SafetensorsHeader, 'text' | 'sizeBytes'> }[],
): Promise<string> => {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))));
  const totalBytes = files.reduce((total, { header }) => total + header.sizeBytes, 0);
  const perFile = Math.max(FEWEST_WINDOWS, Math.min(MOST_WINDOWS, Math.floor(ALL_WINDOWS / files.length)));
  for (const { file, header } of files) {
    hash.update(header.text);
    const { handle } = await openRegularFile(file);
    try {
      const parts =
        totalBytes <= WHOLE_CHECKPOINT_BYTES ? chunks(header.sizeBytes) : windows(header.sizeBytes, perFile);
      for (const [start, length] of parts) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex').slice(0, 32);
};

type Part = readonly [start: number, length: number];

const chunks = (sizeBytes: number): readonly Part[] =>
  Array.from({ length: Math.ceil(sizeBytes / CHUNK_BYTES) }, (_, chunk) => {
    const start = chunk * CHUNK_BYTES;
    return [start, Math.min(CHUNK_BYTES, sizeBytes - start)] as const;
  });

const windows = (sizeBytes: number, count: number): readonly Part[] => {
  if (sizeBytes <= count * WINDOW_BYTES) return chunks(sizeBytes);
  const step = (sizeBytes - WINDOW_BYTES) / (count - 1);
  return Array.from({ length: count }, (_, window) => [Math.floor(window * step), WINDOW_BYTES] as const);
};
