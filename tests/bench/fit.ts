import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { fitSettings } from '../../main/contract/fit.ts';
import { weightsOfLabel } from '../../main/contract/method.ts';
import type { SweepResult } from '../../main/contract/sweep.ts';
import { createEngine, type Engine } from '../../main/engine/engine.ts';
import { planCandidates } from '../../main/jobs/fit-candidates.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { createStepStore } from '../../main/workspace/step-store.ts';
import { fitBench, measuredSearch, type MeasuredSearch } from '../structure/fit-bench.ts';
import { jsonLines } from '../structure/project-files.ts';

// The recommendation of `uncurl fit` (for GGUF; of switch models, for folders) against the best uniform point of a
// sweep of equal bytes, both on fresh items.
//
// Per model and task, one sweep measures every candidate of three budgets (parts of the unpruned model's file) on all
// test items. Each seed divides these: half A chooses the best point of the sweep that fits (its accuracy on A; ties to
// fewer bytes), half B is fresh for both. The search sees calibration items alone, and then tests its choice on B.
// "Safe" is its verdict on B; it is false where the model loses more than the margin on all test items, A and B.
// Answers are those by which each chose: all candidates on A, or the search's on scoring items.
//
//   npx node tests/bench/fit.ts measure FILE MINUTES [CASES]    appends a line of JSON for each search that FILE has
//                                                               not yet, of cases ("MODEL TASK") that match; ends after
//                                                               so many minutes
//   npx node tests/bench/fit.ts table FILE                      Markdown
//
// The searches that best-fit.md quotes are in fit.jsonl beside this file.

const resources = path.join(import.meta.dirname, '..', '..', 'resources');

/** Budgets as parts of the unpruned model's file. */
const PARTS = [0.5, 0.3, 0.2] as const;

interface Case {
  readonly model: string;
  readonly task: string;
  readonly seeds: number;
}

const MANY_SEEDS = 20;
const FEW_SEEDS = 3;
const often: readonly Case[] = ['uncurl-16', 'switch-8'].flatMap((model) =>
  ['add', 'plural', 'mood', 'add-written'].map((task) => ({ model, task, seeds: MANY_SEEDS })),
);
const seldom: readonly Case[] = [
  ...['uncurl-8', 'uncurl-32', 'uncurl-64', 'switch-32', 'switch-64', 'switch-128'].flatMap((model) =>
    ['add', 'french', 'plural-written'].map((task) => ({ model, task, seeds: FEW_SEEDS })),
  ),
  { model: 'wordy-16', task: 'digits', seeds: FEW_SEEDS },
];

/** A copy of a bundled task whose test items are these lines; returns its folder. */
const partOfTask = async (task: string, folder: string, lines: readonly string[]): Promise<string> => {
  const source = task.replace(/-written$/, '');
  for (const name of new Set([source, task]))
    await cp(path.join(resources, 'tasks', name), path.join(folder, name), { recursive: true });
  await writeFile(path.join(folder, source, 'test.jsonl'), `${lines.join('\n')}\n`);
  return path.join(folder, task);
};

const linesOf = async (task: string): Promise<readonly string[]> =>
  (await readFile(path.join(resources, 'tasks', task.replace(/-written$/, ''), 'test.jsonl'), 'utf8'))
    .trim()
    .split('\n');

/** Right answers of a point and of the unpruned model, in the order of the items. */
interface Point {
  readonly label: string;
  readonly kept: number;
  readonly weights: string;
  readonly bytes: number;
  readonly isRight: readonly boolean[];
  readonly wasRight: readonly boolean[];
}

interface Measured {
  readonly budgets: readonly number[];
  /** Points that fit, by budget. */
  readonly points: readonly (readonly Point[])[];
}

/** llama.cpp computes switch models otherwise, so that they have no GGUF form. */
const formatOf = (model: string) => (model.startsWith('switch') ? ('hf' as const) : ('gguf' as const));

const settingsOf = (model: string, bytes: number) => ({
  ...fitSettings.parse({ limit: { kind: 'bytes', bytes } }),
  format: formatOf(model),
});

const measurePoint = async (engine: Engine, run: string, result: SweepResult): Promise<Point> => {
  const { model, task, method, seed, factor, kept, cost } = result;
  const point = { run, model, task, method, seed, factor, show: 'all' as const, count: 500 };
  const { items } = await engine.call('outcomes.read', point);
  return {
    label: `${method} ${String(kept)}`,
    kept,
    weights: weightsOfLabel(method).weights ?? 'stored',
    bytes: cost?.bytes ?? Infinity,
    isRight: items.map(({ candidate }) => candidate.isRight === true),
    wasRight: items.map(({ unpruned }) => unpruned.isRight === true),
  };
};

/** Every candidate of the three budgets on all test items. */
const sweepAll = async (engine: Engine, checkpoint: Checkpoint, { model, task }: Case): Promise<Measured> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-fit-sizes-'));
  const { overlays } = createStepStore({ steps: folder, overlays: folder, temporary: folder });
  const { unprunedBytes } = await planCandidates(checkpoint, settingsOf(model, 1e15), overlays);
  const budgets = PARTS.map((part) => Math.floor(part * unprunedBytes));
  const planned = await Promise.all(
    budgets.map((bytes) => planCandidates(checkpoint, settingsOf(model, bytes), overlays)),
  );
  await rm(folder, { recursive: true });
  const all = planned.flatMap(({ candidates }) => candidates);
  const points: Point[] = [];
  for (const [weights, own] of Map.groupBy(all, (candidate) => candidate.weights)) {
    const counts = [...new Set(own.flatMap(({ kept }) => (typeof kept === 'number' ? [kept] : [])))];
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(path.join(resources, 'models', model))],
      tasks: [engine.grantPath(path.join(resources, 'tasks', task))],
      settings: {
        methods: [...settingsOf(model, 1).methods],
        factors: counts.map((count) => checkpoint.info.experts / count),
        weights: [weights],
      },
      candidates: [],
    });
    await engine.finished(run);
    for (const result of (await engine.call('sweep.read', { run })).results)
      points.push(await measurePoint(engine, run, result));
  }
  return {
    budgets,
    points: planned.map(({ candidates }) =>
      candidates.flatMap(({ kept, weights, method, bytes }) => {
        const found = points.find(
          (point) =>
            point.kept === kept && point.weights === weights && (method === null || point.label.startsWith(method)),
        );
        if (found === undefined) throw new Error(`no point of ${String(method)} ${String(kept)} ${weights}`);
        return [{ ...found, bytes }];
      }),
    ),
  };
};

const shareOf = (right: readonly boolean[], at: readonly number[]): number =>
  at.filter((index) => right[index] === true).length / at.length;

const measureSeed = async (
  engine: Engine,
  { model, task }: Case,
  { budgets, points }: Measured,
  at: number,
  seed: number,
): Promise<MeasuredSearch> => {
  const lines = await linesOf(task);
  // Every budget has halves of its own: a second look at the same ones would be judged at another level.
  const order = seededRandom(1000 * (at + 1) + seed).shuffle(lines.map((_, index) => index));
  const half = Math.floor(order.length / 2);
  const [a, b] = [order.slice(0, half), order.slice(half)];
  const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-fit-halves-'));
  try {
    const taken = (indices: readonly number[]): string[] => indices.map((index) => lines[index] ?? '');
    for (const name of ['a', 'b']) await mkdir(path.join(folder, name));
    const { run } = await engine.call('fit.start', {
      model: engine.grantPath(path.join(resources, 'models', model)),
      task: engine.grantPath(await partOfTask(task, path.join(folder, 'b'), taken(b))),
      elsewhere: [engine.grantPath(await partOfTask(task, path.join(folder, 'a'), taken(a)))],
      limit: { kind: 'bytes', bytes: budgets[at] ?? NaN },
      format: formatOf(model),
      seed,
      finalists: 0,
    });
    await engine.finished(run);
    const found = await engine.call('fit.read', { run });
    const [[tested], [onA]] = [found.tested, found.elsewhere];
    const own = points[at] ?? [];
    const [best] = [...own].sort(
      (one, other) => shareOf(other.isRight, a) - shareOf(one.isRight, a) || one.bytes - other.bytes,
    );
    if (best === undefined || tested === undefined || onA === undefined) throw new Error('nothing to compare');
    return {
      model,
      task,
      part: PARTS[at] ?? NaN,
      seed,
      fit: found.recommended ?? '',
      sweep: best.label,
      fitDifference: tested.result.difference,
      sweepDifference: shareOf(best.isRight, b) - shareOf(best.wasRight, b),
      verdict: tested.verdict,
      onAll: (b.length * tested.result.difference + a.length * onA.result.difference) / lines.length,
      answers: found.evaluations,
      sweepAnswers: own.length * half,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const measuredPoints = z.object({
  model: z.string(),
  task: z.string(),
  budgets: z.array(z.number()),
  points: z.array(
    z.array(
      z.object({
        label: z.string(),
        kept: z.number(),
        weights: z.string(),
        bytes: z.number(),
        isRight: z.array(z.boolean()),
        wasRight: z.array(z.boolean()),
      }),
    ),
  ),
});

/** The lines of a file that may not exist yet. */
const parsedLines = <T>(file: string, schema: z.ZodType<T>): readonly T[] =>
  existsSync(file) ? jsonLines(file, schema) : [];

const measure = async (file: string, minutes: number, pattern: string): Promise<void> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-fit-'));
  const workspace = path.join(folder, 'workspace');
  const engine = await createEngine({ workspace, resources, commandLine: 'bench', threads: 1 });
  const ends = Date.now() + 60_000 * minutes;
  const pointsFile = `${file}.points`;
  const done = parsedLines(file, measuredSearch);
  const known = new Map<string, Measured>();
  for (const { model, task, ...measured } of parsedLines(pointsFile, measuredPoints))
    known.set(`${model} ${task}`, measured);
  const isWanted = new RegExp(pattern);
  try {
    // First a few seeds of every case, so that whatever the time allows, no case is missing.
    for (const [from, to] of [
      [0, FEW_SEEDS],
      [FEW_SEEDS, 8],
      [8, MANY_SEEDS],
    ] as const)
      for (const one of [...often, ...seldom].filter(({ seeds }) => seeds > from)) {
        const name = `${one.model} ${one.task}`;
        const left = Array.from({ length: to - from }, (_, index) => from + index).flatMap((seed) =>
          [...PARTS.entries()]
            .filter(
              ([, part]) =>
                !done.some((own) => `${own.model} ${own.task}` === name && own.part === part && own.seed === seed),
            )
            .map(([at]) => ({ seed, at })),
        );
        if (!isWanted.test(name) || left.length === 0) continue;
        if (Date.now() > ends) return;
        const checkpoint = await openCheckpoint(path.join(resources, 'models', one.model));
        const found = known.get(name);
        const measured = found ?? (await sweepAll(engine, checkpoint, one));
        known.set(name, measured);
        if (found === undefined)
          await appendFile(pointsFile, `${JSON.stringify({ model: one.model, task: one.task, ...measured })}\n`);
        for (const { seed, at } of left) {
          if (Date.now() > ends) return;
          await appendFile(file, `${JSON.stringify(await measureSeed(engine, one, measured, at, seed))}\n`);
        }
      }
  } finally {
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  }
};

const [verb, file, minutes = '60', pattern = ''] = process.argv.slice(2);
if (file === undefined || (verb !== 'measure' && verb !== 'table'))
  throw new Error('npx node tests/bench/fit.ts (measure FILE MINUTES [CASES] | table FILE)');
if (verb === 'table') console.log(fitBench(jsonLines(file, measuredSearch)).join('\n'));
else await measure(file, Number(minutes), pattern);
