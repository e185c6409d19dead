import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { childrenMs } from './processor-time.ts';
import { pythonScript } from './python-environment.ts';
import { median, ratios } from './statistics.ts';

/** A whole sweep of a model of 16 experts. */
export interface SweepToCompare {
  readonly title: string;
  readonly methods: readonly ('frequency' | 'reap')[];
  /** Numbers of kept experts. */
  readonly kept: readonly number[];
  /** Whether the workbench stops a candidate once its verdict is decided; the loop always measures in full. */
  readonly stopsEarly: boolean;
  /** Dtypes of the loop, measured alternately with the workbench. */
  readonly dtypes: readonly Dtype[];
  readonly model: string;
  readonly tasks: readonly string[];
  /** Items of each split, including calibration; null: all. */
  readonly limit: number | null;
  /** Threads of both; null: the defaults. */
  readonly threads: number | null;
  readonly rounds: number;
  /** Options of the workbench that choose its engine; default: onnxruntime in float32. */
  readonly engine?: readonly string[];
}

/** A sweep by frequency at five factors, in full; the loop in both dtypes. */
export const FREQUENCY_IN_FULL = {
  methods: ['frequency'],
  kept: [16, 12, 8, 4, 2],
  stopsEarly: false,
  dtypes: ['float32', 'bfloat16'],
} as const satisfies Partial<SweepToCompare>;

export type Dtype = 'float32' | 'bfloat16';
const EXPERTS = 16;
const command = path.join(import.meta.dirname, '..', '..', 'main', 'cli', 'uncurl.ts');

const line = z.object({ task: z.string(), method: z.string(), kept: z.number(), acc: z.number() });
const document = z.object({
  results: z.array(line),
  curtailed: z.array(z.object({ evaluated: z.number() })).optional(),
});
type Accuracies = ReadonlyMap<string, number>;
interface Timed<T> {
  readonly wall: number;
  readonly processor: number;
  readonly output: T;
}

/** Keeping all experts is one point in the workbench, and one per method in the loop. */
const keyed = (lines: readonly z.infer<typeof line>[]): Accuracies =>
  new Map(
    lines.map(({ task, method, kept, acc }) => [`${task} ${kept === EXPERTS ? 'all' : method} ${String(kept)}`, acc]),
  );

/**
 * Makes PyTorch's threads sleep while they wait: by default they spin, which takes five times longer if anything else
 * runs.
 */
const environment = {
  ...process.env,
  HF_HUB_OFFLINE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  OMP_WAIT_POLICY: 'passive',
};

const timed = (program: string, parameters: readonly string[]): Timed<string> => {
  const [start, before] = [performance.now(), childrenMs()];
  const { status, stdout, stderr } = spawnSync(program, parameters, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1e9,
    env: environment,
  });
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${String(status)}:\n${stderr}`);
  const [wall, processor] = [(performance.now() - start) / 1000, (childrenMs() - before) / 1000];
  return { wall, processor, output: stdout };
};

const option = (name: string, value: number | null): readonly string[] =>
  value === null ? [] : [`--${name}`, String(value)];

const ours = ({ model, methods, kept, stopsEarly, tasks, threads, engine = [] }: SweepToCompare): Timed<Accuracies> => {
  const workspace = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-workspace-'));
  const factors = kept.map((count) => String(EXPERTS / count)).join(',');
  const { output, ...times } = timed(process.execPath, [
    command,
    'sweep',
    model,
    ...tasks.flatMap((task) => ['--task', task]),
    '--method',
    ...methods,
    ...(stopsEarly ? ['--stop', 'early'] : []),
    '--factors',
    factors,
    '--workspace',
    workspace,
    '--json',
    ...engine,
    ...option('threads', threads),
  ]);
  rmSync(workspace, { recursive: true });
  return { ...times, output: keyed(document.parse(JSON.parse(output)).results) };
};

const theirs = (sweep: SweepToCompare, dtype: Dtype): Timed<Accuracies> => {
  const { model, methods, kept, tasks, threads } = sweep;
  const [python = '', script = ''] = pythonScript('sweep.py');
  const { output, ...times } = timed(python, [
    script,
    model,
    kept.join(','),
    ...tasks,
    ...['--methods', methods.join(','), '--dtype', dtype],
    ...option('threads', threads),
  ]);
  return {
    ...times,
    output: keyed(
      output
        .trim()
        .split('\n')
        .map((text) => line.parse(JSON.parse(text))),
    ),
  };
};

/** The tasks with only the first items of both splits, so that both sides use the same number. */
const shortened = (tasks: readonly string[], limit: number, folder: string): readonly string[] =>
  tasks.map((task) => {
    const short = path.join(folder, path.basename(task));
    mkdirSync(short);
    copyFileSync(path.join(task, 'task.json'), path.join(short, 'task.json'));
    for (const split of ['calibration.jsonl', 'test.jsonl']) {
      const lines = readFileSync(path.join(task, split), 'utf8').trimEnd().split('\n').slice(0, limit);
      writeFileSync(path.join(short, split), lines.map((text) => `${text}\n`).join(''));
    }
    return short;
  });

/**
 * Runs both sweeps alternately as whole processes, `rounds` times, with a fresh workspace each time so that nothing is
 * reused. Prints wall times, the ratio of each pair, and whether the accuracies agree: a faster wrong answer is
 * worthless.
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
  const { title, rounds, dtypes } = sweep;
  const mine: Times[] = [];
  const others = dtypes.map((dtype) => ({ dtype, times: [] as Times[], equal: 0, points: 0, largest: 0 }));
  for (let round = 0; round < rounds; round += 1) {
    const left = ours(sweep);
    mine.push(left);
    for (const other of others) {
      const right = theirs(sweep, other.dtype);
      other.times.push(right);
      const load = (os.loadavg()[0] ?? NaN).toFixed(1);
      console.log(
        `  round ${String(round + 1)}: ours ${timesText(left)}, usual loop in ${other.dtype} ${timesText(right)}, ` +
          `load ${load}`,
      );
      for (const [key, accuracy] of right.output) {
        const own = left.output.get(key);
        // The workbench reports no accuracy for candidates that stopped early.
        if (own === undefined && sweep.stopsEarly) continue;
        const difference = Math.abs(accuracy - (own ?? NaN));
        other.points += 1;
        if (difference < 1e-9) other.equal += 1;
        other.largest = Math.max(other.largest, difference);
      }
    }
  }
  console.log(`Processor: ${os.cpus()[0]?.model ?? 'unknown'}`);
  const list = (times: readonly Times[], kind: keyof Times): readonly number[] => times.map((each) => each[kind]);
  for (const { dtype, times, equal, points, largest } of others) {
    for (const kind of ['wall', 'processor'] as const)
      console.log(
        `${title}: ${kind} time, ours ${median(list(mine, kind)).toFixed(1)} s, usual loop in ${dtype} ` +
          `${median(list(times, kind)).toFixed(1)} s, ratio ${ratios(list(times, kind), list(mine, kind))}`,
      );
    console.log(
      `  accuracies equal in ${String(equal)} of ${String(points)} points, largest difference ${largest.toFixed(4)}`,
    );
  }
};

type Times = Pick<Timed<unknown>, 'wall' | 'processor'>;

const timesText = ({ wall, processor }: Times): string =>
  `${wall.toFixed(1)} s (${processor.toFixed(1)} s of the processor)`;
