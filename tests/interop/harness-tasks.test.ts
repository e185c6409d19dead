/** Tasks of lm-evaluation-harness by name, from a Hub of data sets on loopback: every item as the harness measures it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createTextJudge, type TextToJudge } from '../../main/harness/judge-texts.ts';
import { shutIn } from '../../main/harness/sandbox.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isWrittenItem } from '../../main/tasks/task.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { readParquet } from '../integration/read-parquet.ts';
import { outputOf } from './run-python.ts';

const entryPoint = fileURLToPath(new URL('../../main/cli/uncurl.ts', import.meta.url));
const scripts = fileURLToPath(new URL('python', import.meta.url));
const fixture = fileURLToPath(new URL('../fixtures/reference/scoring/mixtral-byte-fallback', import.meta.url));
/** The fixture's 64 positions are too few for examples: its rotary positions go further. */
const POSITIONS = 1024;
const resources = fileURLToPath(new URL('../../resources', import.meta.url));
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
  judged: z.record(z.string(), z.array(z.record(z.string(), z.number()))),
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
  jobs: readonly {
    readonly tasks: readonly string[];
    readonly fewshot: number | null;
    readonly texts?: Readonly<Record<string, readonly string[]>>;
  }[],
): Promise<readonly z.infer<typeof report>[]> => {
  const file = path.join(work, 'jobs.json');
  await writeFile(file, JSON.stringify(jobs.map((job) => ({ model, ...job }))));
  const printed = await outputOf(python, [path.join(scripts, 'harness_tasks.py'), file], environment);
  return printed
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{'))
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
});
afterAll(async () => {
  vi.unstubAllEnvs();
  stopHub();
  await rm(work, { recursive: true, force: true });
});

/** Tasks whose own Python judges, and the metric by which an answer is right. */
const JUDGED = {
  hendrycks_math_algebra: 'exact_match',
  drop: 'em',
  ifeval: 'prompt_level_strict_acc',
  humaneval: 'pass@1',
} as const;
const JUDGED_NAMES = Object.keys(JUDGED);
/** Texts to judge: right ones of some tasks, wrong, malformed and cut off. `{}`: a right answer of the item. */
const PLANTED = [
  '    return a + 1\n',
  '    retrun a + 1',
  '{}',
  ' ${}$',
  'The river takes the answer {} to the stone, and that is all of it.',
  '"a river and a stone of {}"',
  ' 23',
  '',
  '$$\\frac{1}{',
  'river, stone, \u0000 lamp',
];

/** The planted texts for each item of an imported task, and its items. */
const planted = async (task: string): Promise<readonly TextToJudge[][]> => {
  const { test } = await loadTask(folders.get(task) ?? '');
  const items = test.filter(isWrittenItem);
  return PLANTED.map((text) =>
    items.map(({ id, answers, document = '' }) => {
      const right = task === 'drop' ? rightOfDrop(document) : (answers[0] ?? '');
      return { item: id, document, text: text.replace('{}', () => right) };
    }),
  );
};
const rightOfDrop = (document: string): string =>
  z.object({ row: z.object({ answers: z.array(z.array(z.string())) }) }).parse(JSON.parse(document)).row
    .answers[1]?.[0] ?? '';

const folders = new Map<string, string>();
const plantedTexts = new Map<string, readonly TextToJudge[][]>();
let plantedJudged: readonly z.infer<typeof report>[] = [];
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
    for (const { task, folder } of await importNamed(...JUDGED_NAMES, '--run-generated-code'))
      folders.set(task, folder);
    for (const task of JUDGED_NAMES) plantedTexts.set(task, await planted(task));
  });
  // A hook of its own: on a busy machine both together would reach the limit of one.
  beforeAll(async () => {
    const texts = PLANTED.map((_, kind) =>
      Object.fromEntries(
        JUDGED_NAMES.map((task) => [task, (plantedTexts.get(task)?.[kind] ?? []).map(({ text }) => text)] as const),
      ),
    );
    [theirs, pooled, ...plantedJudged] = z
      .tuple([report, report], report)
      .parse(
        await harness([
          { tasks: [...CHOICE, 'gsm8k', 'hendrycks_math_algebra', 'drop'], fewshot: null },
          { tasks: [GROUP], fewshot: 5 },
          ...texts.map((own) => ({ tasks: JUDGED_NAMES, fewshot: null, texts: own })),
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

  it('are judged by their own Python where nothing else can: planted texts, each asked once', async () => {
    const asked: string[] = [];
    const workspace = await openWorkspace(path.join(work, 'judged'));
    const steps = {
      readJson: workspace.steps.readJson,
      writeJson: (key: string, value: unknown) => {
        asked.push(key);
        return workspace.steps.writeJson(key, value);
      },
    };
    const order = { python: () => Promise.resolve(python), resources, temporaryFolder: work, steps, sandbox: shutIn };
    const judgeAll = async (): Promise<Map<string, readonly (readonly boolean[])[]>> => {
      const judge = createTextJudge(order);
      const found = new Map<string, readonly (readonly boolean[])[]>();
      try {
        for (const task of JUDGED_NAMES) {
          const { judging } = await loadTask(folders.get(task) ?? '');
          const rule = judging?.rule.python ?? expect.fail('no rule');
          const texts = (plantedTexts.get(task) ?? []).flat();
          const verdicts = await judge.judge(rule, texts, new AbortController().signal);
          const items = texts.length / PLANTED.length;
          const kinds = PLANTED.map((_, kind) => verdicts.slice(kind * items, (kind + 1) * items));
          found.set(
            task,
            kinds.map((own) => own.map(({ correct }) => correct)),
          );
        }
        return found;
      } finally {
        await judge.dispose();
      }
    };
    const verdicts = await judgeAll();
    for (const [task, metric] of Object.entries(JUDGED)) {
      const harnessSays = plantedJudged.map(({ judged }) => (judged[task] ?? []).map((values) => values[metric] === 1));
      expect(verdicts.get(task), task).toEqual(harnessSays);
      // The test would say nothing of judges that call all texts right, or wrong.
      expect(new Set(harnessSays.flat()), task).toEqual(new Set([true, false]));
    }
    const distinct = new Set(
      [...plantedTexts.values()].flat(2).map(({ document, text }) => JSON.stringify([document, text])),
    );
    expect(asked).toHaveLength(distinct.size);
    expect(await judgeAll()).toEqual(verdicts);
    expect(asked).toHaveLength(distinct.size);
  });

  it('run generated programs only where that is allowed, without a network, and unable to change a file', async () => {
    const task = await loadTask(folders.get('humaneval') ?? '');
    const rule = task.judging?.rule.python ?? expect.fail('no rule');
    const [item] = task.test.filter(isWrittenItem);
    const steps = { readJson: () => Promise.resolve(null), writeJson: () => Promise.resolve() };
    const order = { python: () => Promise.resolve(python), resources, temporaryFolder: work, steps };
    const trace = path.join(work, 'trace');
    const port = new URL(environment['HF_ENDPOINT'] ?? '').port;
    const programs = [
      '    return a',
      `    open(${JSON.stringify(trace)}, "w").write("x")\n    return a`,
      `    import socket\n    socket.create_connection(("127.0.0.1", ${port}), 20)\n    return a`,
      '    bytearray(20 * 2**30)\n    return a',
    ];
    const texts = programs.map((text) => ({ item: 'program', document: item?.document ?? '', text }));
    const judge = createTextJudge({ ...order, sandbox: shutIn });
    try {
      const verdicts = await judge.judge(rule, texts, new AbortController().signal);
      expect(verdicts.map(({ correct }) => correct)).toEqual([true, false, false, false]);
      expect(existsSync(trace)).toBe(false);
    } finally {
      await judge.dispose();
    }
    const careful = createTextJudge({ ...order, sandbox: null });
    await expect(careful.judge(rule, texts, new AbortController().signal)).rejects.toThrow('judged by running');
    await careful.dispose();
    await expect(sweep(['humaneval'])).rejects.toThrow('--run-generated-code');
    // A folder that says nothing of programs does not get them run.
    const silent = createTextJudge({ ...order, sandbox: null });
    const asked = silent.judge({ ...rule, generatedCode: false }, texts, new AbortController().signal);
    await expect(asked).rejects.toThrow('runs generated programs');
    await silent.dispose();
    // What the judge writes lies in its own folder.
    expect(existsSync(path.join(work, 'home', '.cache', 'huggingface'))).toBe(false);
  });

  it('write to tasks that their own Python judges: every text, verdict and metric', async () => {
    const written = ['hendrycks_math_algebra', 'drop'];
    const document = await sweep(written);
    const outcomes = await outcomesOf(document.run);
    for (const task of written) {
      const own = document.results.find((point) => point.task === task && point.factor === 1);
      const { 'exact_match,none': exact, 'em,none': em } = theirs.results[task] ?? {};
      expect(own?.value, task).toBe(task === 'drop' ? em : exact);
      expect(outcomes.get(task)?.map((outcome) => outcome.written)).toEqual(
        theirs.samples[task]?.map(([text]) => text),
      );
    }
  });

  it('are unknown to a workspace that has neither imported them nor a Python', async () => {
    const parameters = ['sweep', model, '--task', 'lambada_openai', '--method', 'random', '--factors', '2'];
    await expect(uncurl(...parameters)).rejects.toThrow('is neither a path nor the name of a bundled task');
  });
});
