import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { Candidate, ModelRunner, RowToDecode } from '../../main/inference/model-runner.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { pythonScript } from './python-environment.ts';
import { oneGigabyteCheckpoint } from './shapes.ts';
import { median } from './statistics.ts';

/**
 * Decoding with cached keys and values.
 *
 * 1. The unpruned model and eight drop candidates (half of the experts each) in one batch, compared with one after the
 *    other, both in the workbench. Goal: at least 2.5 times faster.
 * 2. Time per step with 64 and with 512 tokens already written: it may grow only by the cost of attention.
 * 3. All nine compared with transformers' `generate` on each pruned model in batches of 16 (python/generate.py),
 *    including its loading and pruning, and the workbench's start-up; both float32 and bfloat16 are printed. Goal: at
 *    least 4 times faster.
 *
 * Method: the synthetic checkpoint of 1 GB, ITEMS prompts of 16 to 48 random tokens, 32 new tokens without end tokens,
 * one thread each; the variants of a comparison alternate, ROUNDS times. Comparisons within the workbench use processor
 * time, which other work on the machine disturbs less; comparisons with transformers use wall time and processor time.
 * Tokens are compared wherever two variants wrote the same rows.
 * Usage: npx node tests/bench/generation.ts [together | steps | transformers | all] [rounds, default 2] [items, 100]
 */

const [, , part = 'all', rounds = '2', items = '100', outFile] = process.argv;
const [ROUNDS, ITEMS] = [Number(rounds), Number(items)];
const NEW_TOKENS = 32;
const CANDIDATES = 8;
const folder = await oneGigabyteCheckpoint();
const checkpoint = await openCheckpoint(folder);
const { descriptor, info } = checkpoint;

const random = seededRandom(11);
const prompts = Array.from({ length: ITEMS }, () =>
  Array.from({ length: 16 + random.integer(33) }, () => random.integer(descriptor.vocabulary)),
);
const plans = Array.from({ length: CANDIDATES }, () => ({
  kept: descriptor.moeLayers.map(() =>
    random
      .shuffle(Array.from({ length: info.experts }, (_, expert) => expert))
      .slice(0, info.experts / 2)
      .sort((a, b) => a - b),
  ),
}));
const candidates: readonly Candidate[] = [
  { key: 'unpruned', plan: null },
  ...plans.map((plan, index) => ({ key: `plan ${String(index)}`, plan })),
];

const open = (): Promise<ModelRunner> =>
  openModelRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes: 8e9,
    overlayFolder: path.join(os.tmpdir(), 'uncurl-bench-overlays'),
  });

/** Seconds of processor time, of all threads. */
const seconds = async (work: () => Promise<void>): Promise<number> => {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
};

/** Tokens of every prompt for each candidate, by `candidate/prompt`. */
const write = async (
  runner: ModelRunner,
  writers: readonly Candidate[],
  newTokens = NEW_TOKENS,
): Promise<ReadonlyMap<string, string>> => {
  const rows = prompts.flatMap((tokens) =>
    writers.map(({ key }): RowToDecode => ({ tokens, candidate: key, mostNewTokens: newTokens })),
  );
  const written = new Map<string, string>();
  for await (const { row, tokens } of runner.decode(rows, writers, { signal: new AbortController().signal })) {
    written.set(`${rows[row]?.candidate ?? ''}/${String(Math.floor(row / writers.length))}`, tokens.join(' '));
  }
  return written;
};

const same = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string =>
  `${String([...one].filter(([key, tokens]) => other.get(key) === tokens).length)} of ${String(one.size)} ` +
  `rows the same`;

const together = async (): Promise<void> => {
  const runner = await open();
  await write(runner, candidates.slice(0, 1), 2);
  const [joint, apart]: [number[], number[]] = [[], []];
  let [first, second] = [new Map<string, string>() as ReadonlyMap<string, string>, new Map<string, string>()];
  for (let round = 0; round < ROUNDS; round += 1) {
    joint.push(
      await seconds(async () => {
        first = await write(runner, candidates);
      }),
    );
    apart.push(
      await seconds(async () => {
        second = new Map();
        for (const candidate of candidates)
          for (const [key, tokens] of await write(runner, [candidate])) second.set(key, tokens);
      }),
    );
  }
  await runner.dispose();
  console.log(
    `nine candidates together ${median(joint).toFixed(1)} s, one after the other ${median(apart).toFixed(1)} ` +
      `s: ${(median(apart) / median(joint)).toFixed(2)}x; ${same(first, second)}`,
  );
};

const steps = async (): Promise<void> => {
  const runner = await open();
  const rows = prompts
    .slice(0, 16)
    .map((tokens): RowToDecode => ({ tokens: tokens.slice(0, 16), candidate: 'unpruned', mostNewTokens: 544 }));
  const times: number[] = [];
  let last = process.cpuUsage();
  /** Called once per step of the first row. */
  const isDone = (): boolean => {
    const { user, system } = process.cpuUsage(last);
    times.push((user + system) / 1e3);
    last = process.cpuUsage();
    return false;
  };
  const watched = rows.map((row, index) => (index > 0 ? row : { ...row, isDone }));
  for await (const { row } of runner.decode(watched, candidates.slice(0, 1), { signal: new AbortController().signal }))
    void row;
  await runner.dispose();
  const around = (step: number): number => median(times.slice(step - 24, step + 24));
  console.log(
    `${String(rows.length)} rows: a step takes ${around(64).toFixed(1)} ms of the processor with 64 tokens ` +
      `written, ${around(512).toFixed(1)} ms with 512`,
  );
};

/** Runs in a child process: the workbench's generation, including opening the model. */
const child = async (file: string): Promise<void> => {
  const runner = await open();
  const written = await write(runner, candidates);
  await runner.dispose();
  const { user, system } = process.cpuUsage();
  writeFileSync(file, JSON.stringify({ seconds: (user + system) / 1e6, rows: Object.fromEntries(written) }));
};

const transformers = (): void => {
  const work = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-generation-'));
  const [request, answer] = [path.join(work, 'request.json'), path.join(work, 'answer.json')];
  writeFileSync(
    request,
    JSON.stringify({
      prompts,
      newTokens: NEW_TOKENS,
      plans: Object.fromEntries(candidates.map(({ key, plan }) => [key, plan])),
    }),
  );
  const timed = (command: readonly string[]): Timed => {
    const [program = '', ...parameters] = command;
    const start = performance.now();
    const { status } = spawnSync(program, parameters, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' },
    });
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${String(status)}`);
    const { seconds, rows } = answered.parse(JSON.parse(readFileSync(answer, 'utf8')));
    return { wall: (performance.now() - start) / 1000, processor: seconds, rows: new Map(Object.entries(rows)) };
  };
  const variants = {
    ours: [process.execPath, import.meta.filename, 'child', rounds, items, answer],
    float32: [...pythonScript('generate.py'), folder, request, answer, 'float32'],
    bfloat16: [...pythonScript('generate.py'), folder, request, answer, 'bfloat16'],
  };
  const results: Record<keyof typeof variants, Timed[]> = { ours: [], float32: [], bfloat16: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ['ours', 'float32', 'bfloat16'] as const) {
      const result = timed(variants[name]);
      results[name].push(result);
      console.log(`${name}: ${result.wall.toFixed(1)} s, ${result.processor.toFixed(1)} s of the processor`);
    }
  }
  rmSync(work, { recursive: true });
  const middle = (name: keyof typeof variants, of: 'wall' | 'processor'): number =>
    median(results[name].map((result) => result[of]));
  for (const name of ['float32', 'bfloat16'] as const) {
    const [wall, processor] = (['wall', 'processor'] as const).map((of) =>
      (middle(name, of) / middle('ours', of)).toFixed(2),
    );
    console.log(`transformers in ${name} takes ${wall ?? ''}x our wall time, ${processor ?? ''}x our processor time`);
  }
  console.log(`against float32: ${same(results.ours[0]?.rows ?? new Map(), results.float32[0]?.rows ?? new Map())}`);
};

interface Timed {
  readonly wall: number;
  readonly processor: number;
  readonly rows: ReadonlyMap<string, string>;
}

const answered = z.object({ seconds: z.number(), rows: z.record(z.string(), z.string()) });

const parts = ['all', 'together', 'steps', 'transformers'];
if (part === 'child') await child(outFile ?? '');
else if (!parts.includes(part)) throw new Error(`the part is one of ${parts.join(', ')}`);
else {
  console.log(
    `${String(candidates.length)} candidates, ${String(ITEMS)} prompts, ${String(NEW_TOKENS)} new tokens, one thread`,
  );
  if (part === 'all' || part === 'together') await together();
  if (part === 'all' || part === 'steps') await steps();
  if (part === 'all' || part === 'transformers') transformers();
}
