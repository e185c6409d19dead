/** `score` and `sweep` on the bundled model, compared with lm-evaluation-harness on the same files. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { resources, uncurlHere } from '../integration/run-uncurl.ts';
import { runPython } from './run-python.ts';

const model = path.join(resources, 'models', 'uncurl-16');
const tasks = ['french', 'add'];
const methods = ['frequency', 'uncurl'];
const factors = [2, 4];
/** Number of test items of each task, and of pairs and texts scored one by one. */
const ITEMS = 100;
const SCORED = 40;
/** Bound on the difference of log-probabilities of a whole continuation or text, relative above 1. */
const TOLERANCE = 1e-4;

const harnessReport = z.object({
  model: z.string(),
  tasks: z.record(z.string(), z.object({ acc: z.number(), acc_norm: z.number() })),
  requests: z.array(z.tuple([z.number(), z.boolean()])),
  texts: z.array(z.number()),
});
const sweepDocument = z.object({
  results: z.array(
    z.object({
      task: z.string(),
      method: z.string(),
      factor: z.number(),
      n: z.number(),
      acc: z.number(),
      accNorm: z.number(),
    }),
  ),
});
const item = z.object({ context: z.string(), choices: z.array(z.string()), answer: z.number() });
const score = z.object({ id: z.string(), logprob: z.number(), greedy: z.boolean() });

let work = '';
const inWork = (name: string): string => path.join(work, name);
/** Standard output of a command that must succeed. */
const uncurl = async (...parameters: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await uncurlHere(parameters);
  expect(code, stderr).toBe(0);
  return stdout;
};
const linesOf = async (file: string): Promise<readonly unknown[]> =>
  (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
const taskFile = (task: string, split: string): string => path.join(resources, 'tasks', task, `${split}.jsonl`);

/** Points of the sweep, measured under a mask or with merged weights, and the exported folder of the same plan. */
const points = tasks.flatMap((task) =>
  methods.flatMap((method) =>
    factors.map((factor) => ({ task, method, factor, name: `${task}-${method}-${String(factor)}` })),
  ),
);
let swept: z.infer<typeof sweepDocument>['results'] = [];
let scored: readonly z.infer<typeof score>[] = [];
let harness: ReadonlyMap<string, z.infer<typeof harnessReport>>;

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-harness-'));
  const named = tasks.flatMap((task) => ['--task', task]);
  await uncurl('profile', model, ...named, '--out', inWork('profile.safetensors'));
  for (const { task, method, factor, name } of points) {
    await uncurl(
      'plan',
      model,
      '--profile',
      inWork('profile.safetensors'),
      '--task',
      task,
      '--method',
      method,
      '--factor',
      String(factor),
      '--out',
      inWork(`${name}.json`),
    );
    await uncurl('export', model, '--plan', inWork(`${name}.json`), '--out', inWork(name));
  }
  const settings = [
    '--factors',
    ['1', ...factors].join(','),
    '--limit',
    String(ITEMS),
    '--workspace',
    inWork('workspace'),
    '--json',
  ];
  swept = sweepDocument.parse(
    JSON.parse(
      await uncurl('sweep', model, ...named, ...methods.flatMap((method) => ['--method', method]), ...settings),
    ),
  ).results;

  const items = (await linesOf(taskFile('sort', 'test'))).map((line) => item.parse(line)).slice(0, SCORED);
  const pairs = items.flatMap(({ context, choices }) => choices.map((choice) => [context, choice] as const));
  const texts = items.map(({ context, choices, answer }) => `${context}${choices[answer] ?? ''}`);
  const requests = [
    ...pairs.map(([context, continuation], index) => ({ id: `pair ${String(index)}`, context, continuation })),
    ...texts.map((text, index) => ({ id: `text ${String(index)}`, text })),
  ];
  await writeFile(inWork('requests.jsonl'), requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  await uncurl('score', model, '--requests', inWork('requests.jsonl'), '--out', inWork('scores.jsonl'));
  scored = (await linesOf(inWork('scores.jsonl'))).map((line) => score.parse(line));

  const filesOf = (which: readonly string[]): Readonly<Record<string, string>> =>
    Object.fromEntries(which.map((task) => [task, taskFile(task, 'test')]));
  const reports = await runPython(
    'harness.py',
    [
      { model, tasks: filesOf(tasks), limit: ITEMS, requests: pairs, texts },
      ...points.map(({ task, name }) => ({
        model: inWork(name),
        tasks: filesOf([task]),
        limit: ITEMS,
        requests: [],
        texts: [],
      })),
    ],
    harnessReport,
  );
  harness = new Map(reports.map((report) => [report.model, report]));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const reportOf = (folder: string): z.infer<typeof harnessReport> =>
  harness.get(folder) ?? expect.fail(`the harness did not measure ${folder}`);
const sweptPoint = (task: string, method: string, factor: number) =>
  swept.find((point) => point.task === task && point.method === method && point.factor === factor) ??
  expect.fail(`the sweep did not measure ${task} ${method} ${String(factor)}`);
const accuracies = (folder: string, task: string): { readonly acc: number; readonly accNorm: number } => {
  const { acc, acc_norm: accNorm } = reportOf(folder).tasks[task] ?? expect.fail(`no task ${task}`);
  return { acc, accNorm };
};

describe('score agrees with lm-evaluation-harness', () => {
  const expectClose = (ours: number, theirs: number, id: string): void => {
    expect(Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)), id).toBeLessThanOrEqual(TOLERANCE);
  };

  it('for pairs of context and continuation', () => {
    const { requests } = reportOf(model);
    expect(requests.length).toBeGreaterThan(SCORED);
    requests.forEach(([logprob, greedy], index) => {
      const ours = scored[index];
      expectClose(ours?.logprob ?? NaN, logprob, ours?.id ?? 'missing');
      expect(ours?.greedy, ours?.id).toBe(greedy);
    });
  });

  it('for whole texts', () => {
    const { requests, texts } = reportOf(model);
    expect(scored.length).toBe(requests.length + texts.length);
    texts.forEach((logprob, index) => {
      const ours = scored[requests.length + index];
      expectClose(ours?.logprob ?? NaN, logprob, ours?.id ?? 'missing');
    });
  });
});

describe('sweep gives the accuracies of lm-evaluation-harness', () => {
  it('and they differ from point to point', () => {
    expect(new Set(swept.map(({ acc }) => acc)).size).toBeGreaterThanOrEqual(points.length / 2);
  });

  it.each(tasks)('on %s, unpruned', (task) => {
    const { acc, accNorm, n } = sweptPoint(task, 'unpruned', 1);
    expect(n).toBe(ITEMS);
    expect(accuracies(model, task)).toEqual({ acc, accNorm });
  });

  it.each(points)('on $task, pruned by $method at factor $factor and exported', ({ task, method, factor, name }) => {
    const { acc, accNorm } = sweptPoint(task, method, factor);
    expect(accuracies(inWork(name), task)).toEqual({ acc, accNorm });
  });
});
