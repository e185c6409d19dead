import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { qwen3NextCheckpoint } from './qwen3-next-checkpoint.ts';

/**
 * A model with many small experts: processor time of a forward pass with routing over 500 tokens, on 12 blocks of
 * Qwen3-Next (a quarter of its layers) with all of its 512 experts, top-10. Hidden states and experts are narrow, so
 * that costs of an expert beside its products show, and the checkpoint (0.6 GB in bfloat16) fits any machine.
 *
 * Method: one process per run, one thread; the first pass opens the layers, the second finds them open.
 * Usage: node tests/bench/many-experts.ts [layers] [tokens]
 */
const LENGTH = 50;
const VOCABULARY = 512;
const [layers = 12, tokens = 500] = process.argv.slice(2).map(Number);
const folder = await qwen3NextCheckpoint(`uncurl-bench-512-experts-${String(layers)}`, {
  hidden: 256,
  layers,
  attentionEvery: 4,
  heads: 4,
  headDimension: 64,
  keyValueHeads: 2,
  linear: { keyHeads: 4, valueHeads: 8, dimension: 32, kernel: 4 },
  experts: 512,
  topK: 10,
  width: 64,
  vocabulary: VOCABULARY,
  dtype: 'BF16',
});
const control = { signal: new AbortController().signal };
const seconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const start = seconds();
const checkpoint = await openCheckpoint(folder);
const opened = seconds() - start;
const runner = await openModelRunner(checkpoint, {
  threads: 1,
  memoryBudgetBytes: 16e9,
  overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
});
const sequences = Array.from({ length: tokens / LENGTH }, (_, turn) =>
  Array.from({ length: LENGTH }, (_token, at) => (7 * at + turn) % VOCABULARY),
);
const pass = async (): Promise<number> => {
  const before = seconds();
  await runner.forward(sequences, null, control);
  return seconds() - before;
};
const [first, second] = [await pass(), await pass()];
await runner.dispose();
console.log(
  `${String(layers)} layers, ${String(tokens)} tokens: ${(first + opened).toFixed(1)} s of processor time, ` +
    `${(first - second).toFixed(1)} s of them to open the layers; again ${second.toFixed(1)} s`,
);
