import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeSyntheticCheckpoint, type SyntheticShape } from './synthetic-checkpoint.ts';

/** About 1 GB in float32: 8 layers of 16 experts of width 1280. */
const oneGigabyte: SyntheticShape = {
  hidden: 512, layers: 8, heads: 8, keyValueHeads: 8, experts: 16, topK: 2, width: 1280, vocabulary: 2048, maxPositions: 1024, dtype: 'F32',
};

/** Folder of the synthetic checkpoint of about 1 GB, written on first use. */
export const oneGigabyteCheckpoint = async (): Promise<string> => {
  const folder = path.join(os.tmpdir(), 'uncurl-bench-1gb');
  if (!existsSync(path.join(folder, 'config.json'))) await writeSyntheticCheckpoint(folder, oneGigabyte, 1);
  return folder;
};

export const bundledModel = path.join(import.meta.dirname, '..', '..', 'resources', 'models', 'uncurl-16');
export const bundledTasks = path.join(import.meta.dirname, '..', '..', 'resources', 'tasks');
