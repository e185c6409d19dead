import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeSyntheticCheckpoint, type SyntheticShape } from './synthetic-checkpoint.ts';

/** About 1 GB in float32: 8 layers of 16 experts of width 1280. */
const oneGigabyte: SyntheticShape = {
  hidden: 512,
  layers: 8,
  heads: 8,
  keyValueHeads: 8,
  experts: 16,
  topK: 2,
  width: 1280,
  vocabulary: 2048,
  maxPositions: 1024,
  dtype: 'F32',
};

/** The same size and work per token, from 64 experts of a quarter of the width, 8 per token. */
const fineGrained: SyntheticShape = { ...oneGigabyte, experts: 64, topK: 8, width: 320 };

const written = async (name: string, shape: SyntheticShape): Promise<string> => {
  const folder = path.join(os.tmpdir(), name);
  if (!existsSync(path.join(folder, 'config.json'))) await writeSyntheticCheckpoint(folder, shape, 1);
  return folder;
};

/** Folder of the synthetic checkpoint of about 1 GB, written on first use. */
export const oneGigabyteCheckpoint = (): Promise<string> => written('uncurl-bench-1gb', oneGigabyte);

/** The same with 64 experts, top-8. */
export const fineGrainedCheckpoint = (): Promise<string> => written('uncurl-bench-1gb-fine', fineGrained);

export const bundledModel = path.join(import.meta.dirname, '..', '..', 'resources', 'models', 'uncurl-16');
export const bundledTasks = path.join(import.meta.dirname, '..', '..', 'resources', 'tasks');
/** Names of the bundled tasks with chosen answers, each of which has a written twin; `wordy-16`'s tasks have none. */
export const chosenTasks: readonly string[] = readdirSync(bundledTasks).filter((task) =>
  existsSync(path.join(bundledTasks, `${task}-written`)),
);
