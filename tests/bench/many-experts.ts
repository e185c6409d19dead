import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { withAllocation } from '../../main/contract/allocation.ts';
import { memoryVerdict } from '../../main/contract/model.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { childrenMs } from './processor-time.ts';
import { qwen3NextCheckpoint } from './qwen3-next-checkpoint.ts';
import { sweepOfFive } from './sweep-of-five.ts';

/**
 * A model with many small experts, on 12 blocks of Qwen3-Next (a quarter of its layers) with all of its 512 experts,
 * top-10: processor time of a forward pass with routing and of `uncurl profile` over 500 tokens, and a sweep of five
 * candidates, whose goal is the memory that is predicted before it runs. By default hidden states and experts are
 * narrow, so that costs of an expert beside its products show, and the checkpoint fits any machine (0.6 GB as
 * bfloat16). Released ones have widths of 2,048 and 512.
 *
 * Method: one thread; the first pass opens the layers, the second finds them open. The sweep is a process of its own,
 * whose peak resident memory the system reports; it begins while this one is small, because a new process starts at the
 * peak of the one that starts it.
 * Usage: npx node tests/bench/many-experts.ts [layers] [tokens] [hidden width] [width of an expert]
 */
const LENGTH = 50;
const VOCABULARY = 512;
const [kind = '', childFolder = '', childTask = '', childWork = ''] = process.argv.slice(2);
if (kind === 'sweep') {
  const startBytes = process.memoryUsage.rss();
  const { info } = await openCheckpoint(childFolder);
  const verdict = memoryVerdict(info, info.memory.streaming);
  const done = await sweepOfFive(childFolder, childTask, childWork);
  console.log(JSON.stringify({ startBytes, peakBytes: process.resourceUsage().maxRSS * 1024, verdict, done }));
  process.exit(0);
}
const [layers = 12, tokens = 500, hidden = 256, width = 64] = process.argv.slice(2).map(Number);
const folder = await qwen3NextCheckpoint(`uncurl-bench-512-experts-${[layers, hidden, width].join('-')}`, {
  hidden,
  layers,
  attentionEvery: 4,
  heads: 4,
  headDimension: 64,
  keyValueHeads: 2,
  linear: { keyHeads: 4, valueHeads: 8, dimension: 32, kernel: 4 },
  experts: 512,
  topK: 10,
  width,
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

/** A task of four choices whose calibration items have `tokens` characters in all. */
const makeTask = async (work: string): Promise<string> => {
  const task = path.join(work, 'task');
  await mkdir(task);
  const items = (count: number, start: number): string =>
    Array.from({ length: count }, (_, index) => {
      const choices = ['abcd', 'efgh', 'ijkl', 'mnop'].map((choice) => choice.slice(0, 2));
      const letters = Array.from({ length: LENGTH - 2 }, (_letter, at) =>
        String.fromCharCode(97 + ((7 * at + start + index) % 26)),
      );
      return JSON.stringify({ id: String(start + index), context: letters.join(''), choices, answer: index % 4 });
    }).join('\n');
  await writeFile(path.join(task, 'task.json'), JSON.stringify({ name: 'letters', metric: 'acc' }));
  await writeFile(path.join(task, 'calibration.jsonl'), items(tokens / LENGTH, 0));
  await writeFile(path.join(task, 'test.jsonl'), items(4, 100));
  return task;
};

const work = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-many-'));
try {
  const task = await makeTask(work);
  const run = (commandArguments: readonly string[]): string => {
    const { status, stdout } = spawnSync(process.execPath, [...commandArguments], {
      encoding: 'utf8',
      env: withAllocation(process.env),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw new Error(`${commandArguments.join(' ')} ended with ${String(status)}`);
    return stdout;
  };
  const before = childrenMs();
  const uncurl = path.join(import.meta.dirname, '..', '..', 'main', 'cli', 'uncurl.ts');
  const out = path.join(work, 'profile.safetensors');
  run([uncurl, 'profile', folder, '--task', task, '--threads', '1', '--out', out]);
  console.log(`uncurl profile: ${((childrenMs() - before) / 1000).toFixed(1)} s of processor time`);
  const sweepBefore = childrenMs();
  const { startBytes, peakBytes, verdict, done } = z
    .object({
      startBytes: z.number(),
      peakBytes: z.number(),
      verdict: z.object({ kind: z.string(), needBytes: z.number() }),
      done: z.string(),
    })
    .parse(JSON.parse(run([import.meta.filename, 'sweep', folder, task, path.join(work, 'workspace')])));
  console.log(
    `sweep of five candidates: ${done}; ${((childrenMs() - sweepBefore) / 1000).toFixed(1)} s of processor time, ` +
      `peak ${(peakBytes / 1e9).toFixed(2)} GB resident (${(startBytes / 1e9).toFixed(2)} GB before), ` +
      `verdict ${verdict.kind} ${(verdict.needBytes / 1e9).toFixed(2)} GB, ` +
      `ratio ${((peakBytes - startBytes) / verdict.needBytes).toFixed(2)}`,
  );
} finally {
  await rm(work, { recursive: true, force: true });
}

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
