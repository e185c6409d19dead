import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { withAllocation } from '../../main/contract/allocation.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { Session } from '../../main/inference/session.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { bundledModel, bundledTasks, oneGigabyteCheckpoint } from './shapes.ts';
import { median } from './statistics.ts';

/**
 * Twelve candidates on a model three times larger than its memory budget, compared with one candidate: blocks are read
 * and opened once for all of them. Goal: at most twice the cost of disk and block creation of one.
 *
 * Method: the synthetic 1 GB checkpoint (with the bundled tokenizer) and a budget of a third of its weights, one
 * thread, 64 four-choice items. Each measurement is a separate process, with the allocator's settings of processes that
 * we start; they alternate, ROUNDS times. Prints wall time and processor time, both also without block runs (which grow
 * with candidates), and the peak resident memory, with the memory that the process used before, beside budget and
 * largest block. Beside other work, processor times say more.
 * Usage: npx node tests/bench/streaming.ts [rounds, default 3]
 */

const ITEMS = 64;
const BUDGET_SHARE = 1 / 3;

const times = z.object({ wall: z.number(), processor: z.number() });
const measurement = z.object({ whole: times, runs: times, startBytes: z.number(), peakBytes: z.number() });
type Clock = keyof z.infer<typeof times>;

/** Seconds. */
const now = (): z.infer<typeof times> => {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now() / 1000, processor: (user + system) / 1e6 };
};
const since = (start: z.infer<typeof times>): z.infer<typeof times> => {
  const { wall, processor } = now();
  return { wall: wall - start.wall, processor: processor - start.processor };
};

/** Runs in the child: evaluates `candidates` plans and prints one line of JSON. */
const evaluate = async (folder: string, candidates: number): Promise<void> => {
  const checkpoint = await openCheckpoint(folder);
  const items = (await loadTask(path.join(bundledTasks, 'french'))).test.slice(0, ITEMS);
  const memoryBudgetBytes = checkpoint.info.memory.resident * BUDGET_SHARE;
  const startBytes = process.memoryUsage.rss();
  const runs = { wall: 0, processor: 0 };
  const run = Session.prototype.run;
  Session.prototype.run = async function (this: Session, ...parameters: Parameters<Session['run']>) {
    const start = now();
    const results = await run.apply(this, parameters);
    const took = since(start);
    runs.wall += took.wall;
    runs.processor += took.processor;
    return results;
  };
  const runner = await openModelRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes,
    overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
  });
  const experts = Array.from({ length: checkpoint.info.experts }, (_, expert) => expert);
  const plans = Array.from({ length: candidates }, (_, seed) => {
    const draw = seededRandom(seed);
    return {
      kept: checkpoint.descriptor.moeLayers.map(() =>
        draw
          .shuffle(experts)
          .slice(0, experts.length / 2)
          .sort((a, b) => a - b),
      ),
    };
  });
  const start = now();
  await runner.evaluate(
    items,
    plans.map((plan, index) => ({ key: String(index), plan })),
    { signal: new AbortController().signal },
  );
  const whole = since(start);
  await runner.dispose();
  console.log(JSON.stringify({ whole, runs, startBytes, peakBytes: process.resourceUsage().maxRSS * 1024 }));
};

const measure = (folder: string, candidates: number): z.infer<typeof measurement> => {
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, rounds, folder, String(candidates)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withAllocation(process.env),
  });
  if (status !== 0) throw new Error(`the measurement ended with ${String(status)}`);
  return measurement.parse(JSON.parse(stdout));
};

const [, , rounds = '3', childFolder, childCandidates] = process.argv;
const ROUNDS = Number(rounds);
if (childFolder !== undefined) {
  await evaluate(childFolder, Number(childCandidates));
} else {
  const folder = await oneGigabyteCheckpoint();
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(path.join(bundledModel, file), path.join(folder, file));
  const { info } = await openCheckpoint(folder);
  const [one, many]: [z.infer<typeof measurement>[], z.infer<typeof measurement>[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    one.push(measure(folder, 1));
    many.push(measure(folder, 12));
  }
  const time = (list: readonly z.infer<typeof measurement>[], clock: Clock): number =>
    median(list.map(({ whole }) => whole[clock]));
  const rest = (list: readonly z.infer<typeof measurement>[], clock: Clock): number =>
    median(list.map(({ whole, runs }) => whole[clock] - runs[clock]));
  const peak = median(many.map(({ peakBytes }) => peakBytes));
  const before = median(many.map(({ startBytes }) => startBytes));
  for (const clock of ['wall', 'processor'] as const)
    console.log(
      `${clock} time: one candidate ${time(one, clock).toFixed(2)} s, twelve ${time(many, clock).toFixed(2)} s; ` +
        `outside block runs ${rest(one, clock).toFixed(2)} s and ${rest(many, clock).toFixed(2)} s, ratio ` +
        `${(rest(many, clock) / rest(one, clock)).toFixed(2)}x`,
    );
  console.log(
    `peak ${(peak / 1e6).toFixed(0)} MB resident (${(before / 1e6).toFixed(0)} MB before the model was ` +
      `opened), budget ${((info.memory.resident * BUDGET_SHARE) / 1e6).toFixed(0)} MB, largest block ` +
      `${(info.memory.resident / info.layers / 1e6).toFixed(0)} MB, whole model ` +
      `${(info.sizeBytes / 1e6).toFixed(0)} MB`,
  );
}
