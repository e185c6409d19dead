import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
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
 * thread, 64 four-choice items. Each measurement is a separate process; they alternate, ROUNDS times. Prints wall time,
 * time inside block runs (which grows with candidates) and the rest (reading, opening), and the peak resident memory,
 * with the memory that the process used before, beside budget and largest block.
 * Usage: npx node tests/bench/streaming.ts [rounds, default 3]
 */

const ITEMS = 64;
const BUDGET_SHARE = 1 / 3;

const measurement = z.object({
  seconds: z.number(),
  runSeconds: z.number(),
  startBytes: z.number(),
  peakBytes: z.number(),
});

/** Runs in the child: evaluates `candidates` plans and prints one line of JSON. */
const evaluate = async (folder: string, candidates: number): Promise<void> => {
  const checkpoint = await openCheckpoint(folder);
  const items = (await loadTask(path.join(bundledTasks, 'french'))).test.slice(0, ITEMS);
  const memoryBudgetBytes = checkpoint.info.memory.resident * BUDGET_SHARE;
  const startBytes = process.memoryUsage.rss();
  let runSeconds = 0;
  const run = Session.prototype.run;
  Session.prototype.run = async function (this: Session, ...parameters: Parameters<Session['run']>) {
    const start = performance.now();
    const results = await run.apply(this, parameters);
    runSeconds += (performance.now() - start) / 1000;
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
  const start = performance.now();
  await runner.evaluate(
    items,
    plans.map((plan, index) => ({ key: String(index), plan })),
    { signal: new AbortController().signal },
  );
  const seconds = (performance.now() - start) / 1000;
  await runner.dispose();
  console.log(JSON.stringify({ seconds, runSeconds, startBytes, peakBytes: process.resourceUsage().maxRSS * 1024 }));
};

const measure = (folder: string, candidates: number): z.infer<typeof measurement> => {
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, rounds, folder, String(candidates)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
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
  const rest = (list: readonly z.infer<typeof measurement>[]): number =>
    median(list.map(({ seconds, runSeconds }) => seconds - runSeconds));
  const wall = (list: readonly z.infer<typeof measurement>[]): number => median(list.map(({ seconds }) => seconds));
  const peak = median(many.map(({ peakBytes }) => peakBytes));
  const before = median(many.map(({ startBytes }) => startBytes));
  console.log(
    `one candidate ${wall(one).toFixed(2)} s, twelve ${wall(many).toFixed(2)} s; outside block runs ` +
      `${rest(one).toFixed(2)} s and ${rest(many).toFixed(2)} s, ratio ${(rest(many) / rest(one)).toFixed(2)}x`,
  );
  console.log(
    `peak ${(peak / 1e6).toFixed(0)} MB resident (${(before / 1e6).toFixed(0)} MB before the model was ` +
      `opened), budget ${((info.memory.resident * BUDGET_SHARE) / 1e6).toFixed(0)} MB, largest block ` +
      `${(info.memory.resident / info.layers / 1e6).toFixed(0)} MB, whole model ` +
      `${(info.sizeBytes / 1e6).toFixed(0)} MB`,
  );
}
