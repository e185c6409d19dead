import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { qwen3NextCheckpoint, type Qwen3NextShape } from './qwen3-next-checkpoint.ts';
import { median } from './statistics.ts';

/**
 * Decoding of a family with states: processor time per token after 64, 512 and 2,048 tokens, of the blocks of
 * Qwen3-Next with gated delta nets in every layer, and with attention in every fourth one, as published. With states
 * alone it should be constant in length; attention adds what its keys cost.
 *
 * Method: random weights, one thread, one sequence; 32 tokens after the first new one, so that the prompt is left out;
 * lengths alternate, ROUNDS times, and medians are compared.
 * Usage: npx node tests/bench/states.ts [rounds]
 */

const ROUNDS = Number(process.argv[2] ?? '3');
const LENGTHS = [64, 512, 2048];
const STEPS = 32;
const control = { signal: new AbortController().signal };

const shape: Omit<Qwen3NextShape, 'attentionEvery'> = {
  hidden: 512,
  layers: 8,
  heads: 8,
  headDimension: 64,
  keyValueHeads: 2,
  linear: { keyHeads: 4, valueHeads: 8, dimension: 64, kernel: 4 },
  experts: 16,
  topK: 4,
  width: 128,
  vocabulary: 512,
  dtype: 'F32',
};

for (const [name, every] of [
  ['states in every layer', 0],
  ['attention in every fourth layer', 4],
] as const) {
  const folder = await qwen3NextCheckpoint(`uncurl-bench-states-${String(every)}`, { ...shape, attentionEvery: every });
  const runner = await openModelRunner(await openCheckpoint(folder), {
    threads: 1,
    memoryBudgetBytes: 4e9,
    overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
  });
  const random = seededRandom(2);
  const candidates = [{ key: 'unpruned', plan: null }];
  /** Milliseconds of processor time of a token after a prompt, of all threads. */
  const perStep = async (length: number): Promise<number> => {
    const tokens = Array.from({ length }, () => random.integer(shape.vocabulary));
    let [first, last] = [0, 0];
    const isDone = (written: readonly number[]): boolean => {
      const { user, system } = process.cpuUsage();
      if (written.length === 1) first = user + system;
      last = user + system;
      return false;
    };
    const row = { tokens, candidate: 'unpruned', mostNewTokens: STEPS + 1, isDone };
    for await (const { tokens: written } of runner.decode([row], candidates, control))
      if (written.length !== STEPS + 1) throw new Error('a row of another length');
    return (last - first) / 1e3 / STEPS;
  };
  await perStep(64);
  const perToken = new Map<number, number[]>(LENGTHS.map((length) => [length, []]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const length of LENGTHS) perToken.get(length)?.push(await perStep(length));
  await runner.dispose();
  const shortest = median(perToken.get(LENGTHS[0] ?? 0) ?? []);
  for (const length of LENGTHS) {
    const time = median(perToken.get(length) ?? []);
    console.log(
      `${name}: ${time.toFixed(2)} ms per token after ${String(length)} tokens, ` +
        `${(time / shortest).toFixed(2)}x of that after ${String(LENGTHS[0])}`,
    );
  }
}
