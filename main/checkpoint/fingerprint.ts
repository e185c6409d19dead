import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { SafetensorsHeader } from './safetensors-header.ts';

/** Files up to this size are hashed whole. */
const WHOLE_FILE_BYTES = 64 * 2 ** 20;
/** Larger ones: this many windows of this many bytes, spread evenly, first and last byte included. */
const WINDOWS = 256;
const WINDOW_BYTES = 4096;

/**
 * Identity of a checkpoint: SHA-256 over config.json's meaning, every safetensors header, and the weights (whole files
 * up to 64 MiB, sampled windows of larger ones, so that a checkpoint of any size is told apart in a moment). `files`
 * stand in the order of their names in the folder: a cache of links and a plain copy have the same fingerprint.
 */
export const fingerprintCheckpoint = async (
  config: Readonly<Record<string, unknown>>,
  files: readonly { readonly file: string; readonly header: SafetensorsHeader }[],
): Promise<string> => {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))));
  for (const { file, header } of files) {
    hash.update(header.text);
    const handle = await open(file, 'r');
    try {
      for (const [start, length] of windows(header.sizeBytes)) {
        const buffer = Buffer.alloc(length);
        await handle.read(buffer, 0, length, start);
        hash.update(buffer);
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex').slice(0, 32);
};

const windows = (sizeBytes: number): readonly (readonly [start: number, length: number])[] => {
  if (sizeBytes <= WHOLE_FILE_BYTES) return [[0, sizeBytes]];
  const step = (sizeBytes - WINDOW_BYTES) / (WINDOWS - 1);
  return Array.from({ length: WINDOWS }, (_, window) => [Math.floor(window * step), WINDOW_BYTES] as const);
};
