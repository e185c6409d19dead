/** A workspace, a model and a Hub of data sets on loopback, for tests that compare tasks with lm-evaluation-harness. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import { readParquet } from '../integration/read-parquet.ts';
import { outputOf } from './run-python.ts';

const entryPoint = fileURLToPath(new URL('../../main/cli/uncurl.ts', import.meta.url));
const scripts = fileURLToPath(new URL('python', import.meta.url));
const fixture = fileURLToPath(new URL('../fixtures/reference/scoring/mixtral-byte-fallback', import.meta.url));
export const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
/** Bound on the difference of log-probabilities of a whole continuation, relative above 1. */
const TOLERANCE = 1e-4;

const report = z.object({
  results: z.record(z.string(), z.record(z.string(), z.number())),
  samples: z.record(z.string(), z.array(z.array(z.union([z.number(), z.string()])))),
  judged: z.record(z.string(), z.array(z.record(z.string(), z.number()))),
});
/** What the harness measures. */
export type HarnessReport = z.infer<typeof report>;
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
const outcomeRow = z.object({
  task: z.string(),
  method: z.string(),
  item: z.string(),
  answer: z.number().nullish(),
  chosen: z.number().nullish(),
  logprobs: z.array(z.number()).nullish(),
  written: z.string().nullish(),
  correct: z.boolean().nullish(),
  correct_norm: z.boolean().nullish(),
});
type OutcomeRow = z.infer<typeof outcomeRow>;

interface HarnessJob {
  readonly tasks: readonly string[];
  readonly fewshot: number | null;
  readonly texts?: Readonly<Record<string, readonly string[]>>;
  readonly chat?: boolean;
  /** Texts are written and not judged. */
  readonly unjudged?: boolean;
}

/** @throws if a log-probability differs. */
export const expectSameLogprobs = (
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

interface DataHub {
  readonly address: string;
  /** Lines of requests that it received. */
  readonly requested: readonly string[];
  readonly close: () => void;
}

/** A Hub of data sets. `fill` lists scripts with their parameters, each of which writes some into the folder. */
export const openDataHub = async (
  data: string,
  fill: (data: string) => readonly (readonly string[])[],
): Promise<DataHub> => {
  for (const [script = '', ...parameters] of fill(data))
    await outputOf(python, [path.join(scripts, script), ...parameters]);
  const hub = spawn(python, [path.join(scripts, 'dataset_hub.py'), data], { stdio: ['ignore', 'pipe', 'inherit'] });
  const requested: string[] = [];
  const address = await new Promise<string>((resolve, reject) => {
    hub.once('error', reject);
    hub.stdout.on('data', (printed: Buffer) => {
      const lines = printed.toString().trim().split('\n');
      requested.push(...lines);
      resolve(lines[0] ?? '');
    });
  });
  return { address, requested, close: () => hub.kill('SIGKILL') };
};

export type TaskHub = Awaited<ReturnType<typeof openTaskHub>>;

/**
 * Opens one. `positions`: of the model, whose fixture has 64, too few for examples: its rotary positions go further.
 * `fill` lists scripts with their parameters, each of which writes data sets.
 */
export const openTaskHub = async (
  positions: number,
  fill: (data: string) => readonly (readonly string[])[],
  chatTemplate?: string,
) => {
  const work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-tasks-'));
  const model = path.join(work, 'model');
  await cp(fixture, model, { recursive: true });
  const config = await readFile(path.join(fixture, 'config.json'), 'utf8');
  const longer = config.replace(/("max_position_embeddings": )\d+/, `$1${String(positions)}`);
  await writeFile(path.join(model, 'config.json'), longer);
  if (chatTemplate !== undefined) await writeFile(path.join(model, 'chat_template.jinja'), chatTemplate);
  const { address, requested, close } = await openDataHub(path.join(work, 'data'), fill);
  const environment: NodeJS.ProcessEnv = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HF_'))),
    // As on a machine where nothing was ever run.
    HOME: path.join(work, 'home'),
    XDG_CACHE_HOME: undefined,
    HF_ENDPOINT: address,
    HF_HOME: path.join(work, 'hub'),
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_XET: '1',
    TOKENIZERS_PARALLELISM: 'false',
    PYTHONDONTWRITEBYTECODE: '1',
    UNCURL_SETTINGS: path.join(work, 'settings.json'),
    NLTK_DATA: path.join(work, 'nltk'),
  };
  // Instructions about sentences would need this data, which is not on loopback; no item here has one.
  await mkdir(path.join(work, 'nltk', 'tokenizers', 'punkt_tab'), { recursive: true });
  await mkdir(path.join(work, 'home'));
  for (const name of ['HOME', 'XDG_CACHE_HOME', 'HF_HOME', 'HF_MODULES_CACHE', 'NLTK_DATA'])
    vi.stubEnv(name, environment[name]);

  const uncurl = (...parameters: readonly string[]): Promise<string> =>
    outputOf(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entryPoint, ...parameters, '--workspace', path.join(work, 'workspace')],
      environment,
    );
  return {
    work,
    model,
    environment,
    /** Lines of requests that the Hub received. */
    requested,
    uncurl,
    /** What the harness itself measures, from the same Hub: one report for each job. */
    harness: async (jobs: readonly HarnessJob[]): Promise<readonly HarnessReport[]> => {
      const file = path.join(work, 'jobs.json');
      await writeFile(file, JSON.stringify(jobs.map((job) => ({ model, ...job }))));
      const printed = await outputOf(python, [path.join(scripts, 'harness_tasks.py'), file], environment);
      return printed
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => report.parse(JSON.parse(line)));
    },
    importNamed: async (...parameters: readonly string[]): Promise<z.infer<typeof imported>> =>
      imported.parse(JSON.parse(await uncurl('import', ...parameters, '--python', python, '--json'))),
    /** Outcomes of the unpruned model, by task, in the order of the items. */
    outcomesOf: async (run: string): Promise<ReadonlyMap<string, readonly OutcomeRow[]>> => {
      const rows = await readParquet(path.join(work, 'workspace', 'runs', run, 'outcomes.parquet'));
      const unpruned = rows.map((row) => outcomeRow.parse(row)).filter(({ method }) => method === 'unpruned');
      return Map.groupBy(unpruned, ({ task }) => task);
    },
    sweep: async (tasks: readonly string[], ...more: readonly string[]): Promise<z.infer<typeof swept>> => {
      const settings = ['--method', 'random', '--seeds', '0', '--factors', '2', '--json', ...more];
      return swept.parse(JSON.parse(await uncurl('sweep', model, '--task', tasks.join(','), ...settings)));
    },
    close: async (): Promise<void> => {
      vi.unstubAllEnvs();
      close();
      await rm(work, { recursive: true, force: true });
    },
  };
};
