/**
 * Forward tokens per second against transformers (float32, experts eager: its fastest on a CPU), one thread each.
 *
 * Method: one process of ours and one of Python hold the same checkpoint and the same token ids (equal lengths, so that
 * neither pads). They take turns, ROUNDS times after one warm-up round; printed are the medians and the ratio of each
 * pair. Both compute the logits of every position. Usage: node tests/bench/forward.ts
 */
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../../main/inference/open-model-runner.ts';
import os from 'node:os';
import path from 'node:path';
import { startPython } from './python-environment.ts';
import { bundledModel, oneGigabyteCheckpoint } from './shapes.ts';
import { median, ratios } from './statistics.ts';

const ROUNDS = 9;
const control = { signal: new AbortController().signal };

const compare = async (name: string, folder: string, sequences: number, length: number): Promise<void> => {
  const checkpoint = await openCheckpoint(folder);
  const runner = await openModelRunner(checkpoint, { threads: 1, memoryBudgetBytes: Infinity, overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays') });
  const tokens = Array.from({ length: sequences }, (_, row) =>
    Array.from({ length }, (__, column) => (row * 31 + column * 7) % checkpoint.descriptor.vocabulary),
  );
  const python = await startPython('forward.py', [folder, '1', String(sequences), String(length)]);
  await python.nextLine();
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const start = performance.now();
    await runner.forward(tokens, null, control);
    const seconds = (performance.now() - start) / 1000;
    const other = Number(await python.ask('run'));
    if (round > 0) {
      ours.push(seconds);
      theirs.push(other);
    }
  }
  python.end();
  await runner.dispose();
  const rate = (list: readonly number[]): string => `${((sequences * length) / median(list)).toFixed(0)} tokens/s`;
  console.log(`${name}: ours ${rate(ours)}, transformers ${rate(theirs)}, ratio ${ratios(theirs, ours)}`);
};

await compare('bundled model, 64 sequences of 32', bundledModel, 64, 32);
await compare('synthetic model of 1 GB, 2 sequences of 512', await oneGigabyteCheckpoint(), 2, 512);
