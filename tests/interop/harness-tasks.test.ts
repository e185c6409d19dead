/** Tasks of lm-evaluation-harness by name, from a Hub of data sets on loopback: every item as the harness measures it. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readParquet } from '../integration/read-parquet.ts';
import { outputOf } from './run-python.ts';

const entryPoint = fileURLToPath(new URL('../../main/cli/uncurl.ts', import.meta.url));
const scripts = fileURLToPath(new URL('python', import.meta.url));
const fixture = fileURLToPath(new URL('../fixtures/reference/scoring/mixtral-byte-fallback', import.meta.url));
/** The fixture's 64 positions are too few for examples: its rotary positions go further. */
const POSITIONS = 1024;
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
/** Bound on the difference of log-probabilities of a whole continuation, relative above 1. */
const TOLERANCE = 1e-4;

const GROUP = 'mmlu_social_sciences';
/** Items of each split of the data sets. */
const ITEMS = 16;
const CHOICE = ['arc_easy', 'arc_challenge', 'hellaswag', 'piqa', 'sciq', 'boolq', 'rte', 'winogrande'];

const report = z.object({
  results: z.record(z.string(), z.record(z.string(), z.number())),
  samples: z.record(z.string(), z.array(z.array(z.union([z.number(), z.string()])))),
});
const swept = z.object({
  run: z.string(),
  results: z.array(
    z.object({
      task: z.string(),
      factor: z.number(),
      value: z.number(),
      acc: z.number().nullable(),
      accNorm: z.number().nullable(),
    }),
  ),
});
const imported = z.array(
  z.object({
    asked: z.string(),
    task: z.string(),
    folder: z.string(),
    items: z.object({ calibration: z.number(), test: z.number() }),
  }),
);

let work = '';
let model = '';
let stopHub: () => void = () => undefined;
let environment: NodeJS.ProcessEnv = {};
const requested: string[] = [];

const uncurl = (...parameters: readonly string[]): Promise<string> =>
  outputOf(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entryPoint, ...parameters, '--workspace', path.join(work, 'workspace')],
    environment,
  );

/** What the harness itself measures, from the same Hub: one report for each job. */
const harness = async (
  jobs: readonly { readonly tasks: readonly string[]; readonly fewshot: number | null }[],
): Promise<readonly z.infer<typeof report>[]> => {
  const file = path.join(work, 'jobs.json');
  await writeFile(file, JSON.stringify(jobs.map((job) => ({ model, ...job }))));
  const printed = await outputOf(python, [path.join(scripts, 'harness_tasks.py'), file], environment);
  return printed
    .trim()
    .split('\n')
    .map((line) => report.parse(JSON.parse(line)));
};

const importNamed = async (...parameters: readonly string[]): Promise<z.infer<typeof imported>> =>
  imported.parse(JSON.parse(await uncurl('import', ...parameters, '--python', python, '--json')));

const outcomeRow = z.object({
  task: z.string(),
  method: z.string(),
  item: z.string(),
  logprobs: z.array(z.number()).nullish(),
  written: z.string().nullish(),
});
type OutcomeRow = z.infer<typeof outcomeRow>;

/** Outcomes of the unpruned model, by task, in the order of the items. */
const outcomesOf = async (run: string): Promise<ReadonlyMap<string, readonly OutcomeRow[]>> => {
  const rows = await readParquet(path.join(work, 'workspace', 'runs', run, 'outcomes.parquet'));
  const unpruned = rows.map((row) => outcomeRow.parse(row)).filter(({ method }) => method === 'unpruned');
  return Map.groupBy(unpruned, ({ task }) => task);
};

const sweep = async (tasks: readonly string[]): Promise<z.infer<typeof swept>> => {
  const settings = ['--method', 'random', '--seeds', '0', '--factors', '2', '--json'];
  return swept.parse(JSON.parse(await uncurl('sweep', model, '--task', tasks.join(','), ...settings)));
};

const expectSameLogprobs = (
  ours: readonly OutcomeRow[],
  theirs: readonly (readonly (number | string)[])[],
  named: string,
): void => {
  expect(ours.length, named).toBe(theirs.length);
  theirs.forEach((logprobs, item) =>
    logprobs.forEach((logprob, choice) => {
      const own = ours[item]?.logprobs?.[choice] ?? Number.NaN;
      const difference = Math.abs(own - Number(logprob)) / Math.max(1, Math.abs(Number(logprob)));
      expect(difference, `${named}, item ${String(item)}, choice ${String(choice)}`).toBeLessThanOrEqual(TOLERANCE);
    }),
  );
};

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-tasks-'));
  model = path.join(work, 'model');
  await cp(fixture, model, { recursive: true });
  const config = await readFile(path.join(fixture, 'config.json'), 'utf8');
  const longer = config.replace(/("max_position_embeddings": )\d+/, `$1${String(POSITIONS)}`);
  await writeFile(path.join(model, 'config.json'), longer);
  await outputOf(python, [path.join(scripts, 'dataset_files.py'), path.join(work, 'data')]);
  const hub = spawn(python, [path.join(scripts, 'dataset_hub.py'), path.join(work, 'data')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stopHub = () => hub.kill('SIGKILL');
  const address = await new Promise<string>((resolve, reject) => {
    hub.once('error', reject);
    hub.stdout.on('data', (data: Buffer) => {
      const lines = data.toString().trim().split('\n');
      requested.push(...lines);
      resolve(lines[0] ?? '');
    });
  });
  environment = {
    ...process.env,
    HF_ENDPOINT: address,
    HF_HOME: path.join(work, 'hub'),
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_XET: '1',
    TOKENIZERS_PARALLELISM: 'false',
    PYTHONDONTWRITEBYTECODE: '1',
    UNCURL_SETTINGS: path.join(work, 'settings.json'),
  };
});
afterAll(async () => {
  stopHub();
  await rm(work, { recursive: true, force: true });
});

let theirs: z.infer<typeof report>;
let pooled: z.infer<typeof report>;
let refusal = '';

describe('tasks of lm-evaluation-harness by name', () => {
  beforeAll(async () => {
    const named = [...CHOICE, 'gsm8k', 'humaneval', 'arc_esay'];
    refusal = await importNamed(...named).then(
      () => '',
      (error: unknown) => String(error),
    );
    [theirs, pooled] = z.tuple([report, report]).parse(
      await harness([
        { tasks: [...CHOICE, 'gsm8k'], fewshot: null },
        { tasks: [GROUP], fewshot: 5 },
      ]),
    );
  });

  it('refuse what would be measured differently, and import the others', () => {
    expect(refusal).toContain('humaneval: it runs programs that the model writes');
    expect(refusal).toMatch(/arc_esay: .*no such task.*arc_easy/);
    expect(refusal).toContain('The other tasks are imported.');
  });

  it('choose as the harness does: every log-probability, acc and acc_norm', async () => {
    const asked = requested.length;
    const made = await importNamed(...CHOICE);
    expect(made.map(({ task }) => task)).toEqual(CHOICE);
    expect(made.every(({ items }) => items.test === ITEMS && items.calibration > 0)).toBe(true);
    const document = await sweep(CHOICE);
    expect(requested.length, 'imported tasks ask the Hub again').toBe(asked);
    const outcomes = await outcomesOf(document.run);
    for (const task of CHOICE) {
      const own = document.results.find((point) => point.task === task && point.factor === 1);
      const { 'acc,none': acc, 'acc_norm,none': accNorm } = theirs.results[task] ?? {};
      expect(own?.acc, task).toBe(acc);
      if (accNorm !== undefined) expect(own?.accNorm, task).toBe(accNorm);
      expectSameLogprobs(outcomes.get(task) ?? [], theirs.samples[task] ?? [], task);
    }
  });

  it('pool a group that weighs its tasks by size, with examples in every prompt', async () => {
    const [made, ...more] = await importNamed(GROUP, '--fewshot', '5');
    expect(more).toEqual([]);
    const document = await sweep([made?.folder ?? '']);
    const own = document.results.find((point) => point.factor === 1);
    expect(own?.acc).toBeCloseTo(pooled.results[GROUP]?.['acc,none'] ?? Number.NaN, 12);
    const outcomes = (await outcomesOf(document.run)).get(GROUP) ?? [];
    const tasks = Object.keys(pooled.samples);
    expect(tasks.length).toBe(12);
    for (const task of tasks) {
      const ours = outcomes.filter(({ item }) => item.startsWith(`${task}/`));
      expectSameLogprobs(ours, pooled.samples[task] ?? [], task);
    }
  });

  it('write as the harness does: every text, and the metric', async () => {
    const document = await sweep(['gsm8k']);
    const own = document.results.find((point) => point.factor === 1);
    expect(own?.value).toBe(theirs.results['gsm8k']?.['exact_match,strict-match']);
    const outcomes = (await outcomesOf(document.run)).get('gsm8k') ?? [];
    expect(outcomes.map(({ written }) => written)).toEqual(theirs.samples['gsm8k']?.map(([text]) => text));
    expect(outcomes).toHaveLength(3);
  });

  it('are unknown to a workspace that has neither imported them nor a Python', async () => {
    const parameters = ['sweep', model, '--task', 'lambada_openai', '--method', 'random', '--factors', '2'];
    await expect(uncurl(...parameters)).rejects.toThrow('is neither a path nor the name of a bundled task');
  });
});
