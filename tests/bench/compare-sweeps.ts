import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { pythonScript } from './python-environment.ts';
import { median, ratios } from './statistics.ts';

/** A whole sweep to run: frequency, five factors of a model of 16 experts. */
export interface SweepToCompare {
  readonly title: string;
  readonly model: string;
  readonly tasks: readonly string[];
  /** Items of each split, calibration too; null: all. */
  readonly limit: number | null;
  /** Threads of both; null: what each takes by default. */
  readonly threads: number | null;
  readonly rounds: number;
}

const KEPT = [16, 12, 8, 4, 2];
const EXPERTS = 16;
const command = path.join(import.meta.dirname, '..', '..', 'main', 'cli', 'uncurl.ts');

const line = z.object({ task: z.string(), kept: z.number(), acc: z.number() });
const document = z.object({ results: z.array(line) });
type Accuracies = ReadonlyMap<string, number>;
interface Timed<T> {
  readonly seconds: number;
  readonly output: T;
}

const keyed = (lines: readonly z.infer<typeof line>[]): Accuracies =>
  new Map(lines.map(({ task, kept, acc }) => [`${task} ${String(kept)}`, acc]));

/**
 * Threads of PyTorch that wait for each other by spinning take five times longer where anything else runs: they sleep.
 */
const environment = {
  ...process.env,
  HF_HUB_OFFLINE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  OMP_WAIT_POLICY: 'passive',
};

const timed = (program: string, parameters: readonly string[]): Timed<string> => {
  const start = performance.now();
  const { status, stdout } = spawnSync(program, parameters, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1e9,
    env: environment,
  });
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${String(status)}`);
  return { seconds: (performance.now() - start) / 1000, output: stdout };
};

const option = (name: string, value: number | null): readonly string[] =>
  value === null ? [] : [`--${name}`, String(value)];

const ours = ({ model, tasks, threads }: SweepToCompare): Timed<Accuracies> => {
  const workspace = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-workspace-'));
  const factors = KEPT.map((kept) => String(EXPERTS / kept)).join(',');
  const { seconds, output } = timed(process.execPath, [
    command,
    'sweep',
    model,
    ...tasks.flatMap((task) => ['--task', task]),
    '--method',
    'frequency',
    '--factors',
    factors,
    '--workspace',
    workspace,
    '--json',
    ...option('threads', threads),
  ]);
  rmSync(workspace, { recursive: true });
  return { seconds, output: keyed(document.parse(JSON.parse(output)).results) };
};

const theirs = ({ model, tasks, threads }: SweepToCompare): Timed<Accuracies> => {
  const [python = '', script = ''] = pythonScript('sweep.py');
  const { seconds, output } = timed(python, [script, model, KEPT.join(','), ...tasks, ...option('threads', threads)]);
  return {
    seconds,
    output: keyed(
      output
        .trim()
        .split('\n')
        .map((text) => line.parse(JSON.parse(text))),
    ),
  };
};

/** The tasks with the first items of both splits alone, so that both sides look at as many. */
const shortened = (tasks: readonly string[], limit: number, folder: string): readonly string[] =>
  tasks.map((task) => {
    const short = path.join(folder, path.basename(task));
    mkdirSync(short);
    copyFileSync(path.join(task, 'task.json'), path.join(short, 'task.json'));
    for (const split of ['calibration.jsonl', 'test.jsonl']) {
      const lines = readFileSync(path.join(task, split), 'utf8').split('\n').slice(0, limit);
      writeFileSync(path.join(short, split), lines.map((text) => `${text}\n`).join(''));
    }
    return short;
  });

/**
 * Both sweeps as whole processes in turn, `rounds` times, a fresh workspace each time so that nothing is reused. Prints
 * wall times, the ratio of each pair, and whether the accuracies agree: a faster wrong answer is worth nothing.
 */
export const compareSweeps = (sweep: SweepToCompare): void => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-tasks-'));
  try {
    compare(sweep.limit === null ? sweep : { ...sweep, tasks: shortened(sweep.tasks, sweep.limit, folder) });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const compare = (sweep: SweepToCompare): void => {
  const [mine, other]: [number[], number[]] = [[], []];
  let [same, all, largest] = [0, 0, 0];
  for (let round = 0; round < sweep.rounds; round += 1) {
    const [left, right] = [ours(sweep), theirs(sweep)];
    mine.push(left.seconds);
    other.push(right.seconds);
    console.log(
      `  round ${String(round + 1)}: ours ${left.seconds.toFixed(1)} s, loop of today ` +
        `${right.seconds.toFixed(1)} s, load ${(os.loadavg()[0] ?? NaN).toFixed(1)}`,
    );
    for (const [key, accuracy] of right.output) {
      const difference = Math.abs(accuracy - (left.output.get(key) ?? NaN));
      all += 1;
      if (difference < 1e-9) same += 1;
      largest = Math.max(largest, difference);
    }
  }
  console.log(
    `${sweep.title}: ours ${median(mine).toFixed(1)} s, loop of today ${median(other).toFixed(1)} s, ratio ` +
      ratios(other, mine),
  );
  console.log(
    `  accuracies equal in ${String(same)} of ${String(all)} points, largest difference ${largest.toFixed(4)}`,
  );
};
