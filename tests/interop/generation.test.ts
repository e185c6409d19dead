/** Written answers in `sweep`, compared with lm-evaluation-harness on the same YAML tasks. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { plan } from '../../main/contract/plan.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import type { ItemOutcome } from '../../main/contract/outcome.ts';
import { readPointBlocks } from '../../main/runs/read-outcomes.ts';
import { outputOf, runPython } from './run-python.ts';

const entryPoint = fileURLToPath(new URL('../../main/cli/uncurl.ts', import.meta.url));
const model = fileURLToPath(new URL('../../resources/models/uncurl-16', import.meta.url));
const folder = fileURLToPath(new URL('../fixtures/reference/generation/harness/tasks', import.meta.url));
/** Two shots; and two filter pipelines, the first of which gives our metric. */
const tasks = [
  { file: 'plural.yaml', metric: 'exact_match,none', filter: 'none' },
  { file: 'sort.yaml', metric: 'exact_match,strict', filter: 'strict' },
];
const FACTOR = 2;

const harnessReport = z.object({
  model: z.string(),
  task: z.string(),
  metrics: z.record(z.string(), z.union([z.number(), z.string()])),
  texts: z.array(z.string()),
  filtered: z.record(z.string(), z.array(z.string())),
});

let work = '';
let swept: z.infer<typeof sweepDocument>;
const outcomes = new Map<string, readonly ItemOutcome[]>();
let reports: readonly z.infer<typeof harnessReport>[] = [];
const uncurl = (...parameters: readonly string[]): Promise<string> =>
  outputOf(process.execPath, ['--disable-warning=ExperimentalWarning', entryPoint, ...parameters], {
    ...process.env,
    UNCURL_SETTINGS: path.join(work, 'settings.json'),
  });
const taskFile = (file: string): string => path.join(folder, file);
/** Folder of the model that a task's point was measured with. */
const modelOf = (task: string, factor: number): string => (factor === 1 ? model : path.join(work, task));

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-generation-'));
  const workspace = path.join(work, 'workspace');
  const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
  const files = tasks.map(({ file }) => taskFile(file));
  const made = await uncurl('import', ...files, '--python', python, '--workspace', workspace, '--json');
  const imported = z.array(z.object({ folder: z.string() })).parse(JSON.parse(made));
  const named = imported.flatMap(({ folder: task }) => ['--task', task]);
  const settings = ['--method', 'frequency', '--factors', String(FACTOR), '--workspace', workspace, '--json'];
  swept = sweepDocument.parse(JSON.parse(await uncurl('sweep', model, ...named, ...settings)));
  const run = path.join(workspace, 'runs', swept.run);
  for await (const { point, outcomes: own } of (await readPointBlocks(path.join(run, 'outcomes.parquet'))) ?? [])
    outcomes.set(`${point.task} ${String(point.factor)}`, own);
  const points = z
    .array(z.looseObject({ task: z.string(), factor: z.number(), step: z.string() }))
    .parse(JSON.parse(await readFile(path.join(run, 'points.json'), 'utf8')));
  const plans = z
    .record(z.string(), plan.nullable())
    .parse(JSON.parse(await readFile(path.join(run, 'plans.json'), 'utf8')));
  for (const { task, factor, step } of points.filter((point) => point.factor > 1)) {
    const planFile = path.join(work, `${task}.json`);
    await writeFile(planFile, JSON.stringify(plans[step]));
    await uncurl('export', model, '--plan', planFile, '--out', modelOf(task, factor));
  }
  const names = [...new Set(swept.results.map(({ task }) => task))];
  reports = await runPython(
    'generation_task.py',
    tasks.flatMap(({ file }, index) =>
      [1, FACTOR].map((factor) => ({ model: modelOf(names[index] ?? '', factor), task: taskFile(file) })),
    ),
    harnessReport,
  );
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('sweep agrees with lm-evaluation-harness on written answers', () => {
  it('and pruning changes the results', () => {
    expect(new Set(swept.results.map(({ value }) => value)).size).toBeGreaterThan(2);
    expect(swept.results).toHaveLength(2 * tasks.length);
  });

  it.each(
    tasks.flatMap((task, index) => [
      { ...task, index, factor: 1, what: 'unpruned' },
      { ...task, index, factor: FACTOR, what: 'exported at factor 2' },
    ]),
  )('on $file, $what: texts, filtered answers and the metric', ({ file, metric, filter, index, factor }) => {
    const name = [...new Set(swept.results.map(({ task }) => task))][index] ?? '';
    const report = reports.find((one) => one.task === taskFile(file) && one.model === modelOf(name, factor));
    const own = (outcomes.get(`${name} ${String(factor)}`) ?? []).map((outcome) =>
      outcome.kind === 'written' ? outcome : expect.fail(`a ${outcome.kind} outcome`),
    );
    expect(own.map(({ text }) => text)).toEqual(report?.texts);
    expect(own.map(({ filtered }) => filtered)).toEqual(report?.filtered[filter]);
    const result = swept.results.find((one) => one.task === name && one.factor === factor);
    expect(result?.value).toBeCloseTo(Number(report?.metrics[metric]), 12);
  });
});
