import os from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { oneGigabyteCheckpoint } from './shapes.ts';
import { median, ratios } from './statistics.ts';

/**
 * Twelve candidates with router masks in one set of sessions, compared with new sessions for each candidate.
 *
 * Method: the synthetic 1 GB checkpoint, one thread, 64 short items of four choices made of random tokens. Each round
 * measures both ways alternately. Prints medians and ratios. "Again" opens the runner, evaluates one candidate and
 * closes it, twelve times. Usage: npx node tests/bench/masks.ts [rounds, default 3]
 */

const ROUNDS = Number(process.argv[2] ?? 3);
const CANDIDATES = 12;
const REQUESTS = 64;
const control = { signal: new AbortController().signal };

const checkpoint = await openCheckpoint(await oneGigabyteCheckpoint());
const settings = {
  threads: 1,
  memoryBudgetBytes: Infinity,
  overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
};
const random = seededRandom(1);
const requests = Array.from({ length: REQUESTS }, (_, index) => ({
  id: String(index),
  contextTokens: Array.from({ length: 12 }, () => random.integer(checkpoint.descriptor.vocabulary)),
  continuationTokens: Array.from({ length: 2 }, () => random.integer(checkpoint.descriptor.vocabulary)),
}));
const plans = Array.from({ length: CANDIDATES }, (_, seed) => {
  const draw = seededRandom(seed);
  const experts = checkpoint.descriptor.moeLayers.map(({ moe }) =>
    draw.shuffle(Array.from({ length: moe.experts }, (__, expert) => expert)),
  );
  return { kept: experts.map((order) => order.slice(0, order.length / 2).sort((a, b) => a - b)) };
});

const byMasks = async (): Promise<number> => {
  const start = performance.now();
  const runner = await openModelRunner(checkpoint, settings);
  for (const plan of plans) await runner.score(requests, plan, control);
  await runner.dispose();
  return performance.now() - start;
};
const again = async (): Promise<number> => {
  const start = performance.now();
  for (const plan of plans) {
    const runner = await openModelRunner(checkpoint, settings);
    await runner.score(requests, plan, control);
    await runner.dispose();
  }
  return performance.now() - start;
};

const [masks, sessions]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round += 1) {
  masks.push(await byMasks());
  sessions.push(await again());
}
console.log(
  `${String(CANDIDATES)} candidates: masks ${median(masks).toFixed(0)} ms, sessions again ` +
    `${median(sessions).toFixed(0)} ms, ratio ${ratios(sessions, masks)}`,
);
