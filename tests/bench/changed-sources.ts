import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { plan } from '../../main/contract/plan.ts';
import { isFile } from '../../main/files/file-errors.ts';
import { planContent } from '../../main/jobs/step.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { changedFor, type ChangeName, disturb, makeSources } from './changed-sources/changes.ts';
import { computingPaths, type ComputingPath, openEngine, type Bench, resources } from './changed-sources/paths.ts';
import { filesOf } from './kills/sweeps.ts';

/**
 * npx node tests/bench/changed-sources.ts [rounds] [seed] [pattern of names]
 *
 * Runs every way to compute numbers of a model in turn (default: 200 rounds in total), while a thread changes one of
 * the files that it reads at a random moment and restores it at another: weights (in place, or by replacing the file),
 * tokenizer, chat template, end tokens, items of the task. In seven cases of ten the modification time is restored too;
 * in three of ten the file is restored only after the run has ended. Then the same is computed again without changes in
 * the same workspace, by the same engine or another one. These count as wrong: a result of the second run, or a step or
 * overlay in both workspaces, that differs from a clean workspace; a result of a successful first run that matches
 * neither the original nor the changed files; a file left by a failed run. Fine-tuning and fine-tuned arms run if
 * UNCURL_INTEROP_PYTHON names a Python with PyTorch. Prints for each way: rounds, how many succeeded, how many reported
 * changed files, how many failed otherwise, correct stored steps, and what was wrong.
 */
const [rounds = '200', seed = '1', pattern = ''] = process.argv.slice(2);
const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-changed-'));
const random = seededRandom(Number(seed));
const sources = await makeSources(resources, folder);
const ways = computingPaths(process.env['UNCURL_INTEROP_PYTHON']).filter(({ name }) => new RegExp(pattern).test(name));

const openPath = async (): Promise<Bench> => {
  const own = await mkdtemp(path.join(folder, 'bench-'));
  const workspace = path.join(own, 'workspace');
  await mkdir(path.join(own, 'files'));
  return { workspace, folder: path.join(own, 'files'), sources, engine: await openEngine(workspace) };
};

const closeBench = async ({ engine, folder: own }: Bench): Promise<void> => {
  await engine.dispose();
  await rm(path.dirname(own), { recursive: true });
};

type Steps = ReadonlyMap<string, string>;

const evaluation = z.looseObject({ value: z.looseObject({ plan: z.unknown() }) });

/**
 * The bytes of a step. In an evaluation, provenance of its plan is left out: draws of a method with equal plans share
 * one step, which names the draw that was measured first.
 */
const bytesOf = (name: string, bytes: string): string => {
  if (!name.endsWith('.json')) return bytes;
  const stored = evaluation.safeParse(JSON.parse(Buffer.from(bytes, 'base64').toString('utf8')));
  if (!stored.success) return bytes;
  const { value, sha256: _sealed, ...rest } = stored.data;
  const ran = plan.nullable().parse(value.plan);
  return JSON.stringify({ ...rest, value: { ...value, plan: planContent(ran, Number.POSITIVE_INFINITY) } });
};

/** Steps and overlays of a workspace, by name, with what they hold. */
const stepsIn = async ({ workspace }: Bench): Promise<Steps> =>
  new Map([
    ...[...(await filesOf(path.join(workspace, 'steps')))].map(
      ([name, bytes]) => [name, bytesOf(name, bytes)] as const,
    ),
    ...[...(await filesOf(path.join(workspace, 'overlays')))].map(
      ([name, bytes]) => [`overlays/${name}`, bytes] as const,
    ),
  ]);

interface Clean {
  readonly result: unknown;
  readonly steps: Steps;
  readonly tookMs: number;
}

/** The result of a path in a workspace of its own, without changes. */
const cleanly = async (way: ComputingPath): Promise<Clean> => {
  const bench = await openPath();
  try {
    await way.prepare?.(bench);
    const startedAt = performance.now();
    const result = await way.run(bench);
    return { result, tookMs: performance.now() - startedAt, steps: await stepsIn(bench) };
  } finally {
    await closeBench(bench);
  }
};

/** Error codes of runs that end because files changed while being opened, read, or computed from. */
const CHANGED = /^(?:model-changed|changed-while-opened|changed-while-read|changed-since|export-changed)$/;

const none = { rounds: 0, 'ended well': 0, 'reported as changed': 0, 'failed otherwise': 0, 'steps kept': 0, wrong: 0 };
const totals = new Map(ways.map(({ name }) => [name, { ...none }]));
const right = new Map<string, Clean>();
/** Results of paths on changed files, for runs that saw only those. */
const ofChanged = new Map<string, unknown>();

const resultOfChanged = async (way: ComputingPath, change: ChangeName): Promise<unknown> => {
  const key = `${way.name}: ${change}`;
  if (!ofChanged.has(key)) {
    const restore = await changedFor(sources, change);
    try {
      ofChanged.set(key, (await cleanly(way)).result);
    } catch (error) {
      ofChanged.set(key, error);
    } finally {
      await restore();
    }
  }
  return ofChanged.get(key);
};

const codeOf = (error: unknown): string => {
  if (!(error instanceof WorkbenchError)) return String(error);
  // A verb reports it in a message.
  return /\b(?:changed while it was|was changed while)\b/.test(error.message) ? 'model-changed' : error.code;
};

/** The first difference of two texts with its surroundings; the correct text comes first. */
const differenceOf = (right: string, wrong: string): string => {
  let at = 0;
  while (at < right.length && right[at] === wrong[at]) at += 1;
  const [one, other] = [right, wrong].map((text) => text.slice(Math.max(0, at - 80), at + 80));
  return `at ${String(at)} of ${String(right.length)}: ${JSON.stringify([one, other])}`;
};

const round = async (way: ComputingPath): Promise<readonly string[]> => {
  const clean = right.get(way.name) ?? (await cleanly(way));
  right.set(way.name, clean);
  const total = totals.get(way.name) ?? none;
  const change = way.reads[random.integer(way.reads.length)] ?? 'weights';
  let bench = await openPath();
  const wrong: string[] = [];
  try {
    await way.prepare?.(bench);
    const disturbance = disturb(sources, change, random, clean.tookMs);
    let ended: { readonly result: unknown } | { readonly error: unknown };
    try {
      ended = { result: await way.run(bench) };
    } catch (error) {
      ended = { error };
    }
    await disturbance.restore();
    const out = way.out === undefined ? null : path.join(bench.folder, way.out);
    if ('error' in ended) {
      const code = codeOf(ended.error);
      total[CHANGED.test(code) ? 'reported as changed' : 'failed otherwise'] += 1;
      if (!CHANGED.test(code)) console.error(`${way.name}, ${change}: ${String(ended.error).slice(0, 300)}`);
      if (out !== null && ((await isFile(out)) || (await isFile(path.join(out, 'config.json')))))
        wrong.push('left a file behind');
    } else {
      total['ended well'] += 1;
      const isRight =
        isDeepStrictEqual(ended.result, clean.result) ||
        isDeepStrictEqual(ended.result, await resultOfChanged(way, change));
      if (!isRight)
        wrong.push(
          `ended well with another result: ${differenceOf(JSON.stringify(clean.result), JSON.stringify(ended.result))}`,
        );
    }
    for (const [name, bytes] of await stepsIn(bench)) {
      const there = clean.steps.get(name);
      if (there === undefined) continue;
      total['steps kept'] += 1;
      if (there !== bytes) wrong.push(`kept ${name}: ${differenceOf(there, bytes)}`);
    }
    if (out !== null) await rm(out, { recursive: true, force: true });
    if (random.float() < 0.5) {
      await bench.engine.dispose();
      bench = { ...bench, engine: await openEngine(bench.workspace) };
    }
    if (!isDeepStrictEqual(await way.run(bench), clean.result)) wrong.push('gave a different result afterwards');
  } finally {
    await closeBench(bench);
  }
  total.rounds += 1;
  total.wrong += Number(wrong.length > 0);
  return wrong.map((what) => `${way.name}, ${change}: ${what}`);
};

let done = 0;
while (done < Number(rounds)) {
  for (const way of ways.slice(0, Number(rounds) - done)) {
    for (const what of await round(way)) console.error(`WRONG: ${what}`);
    done += 1;
  }
  const wrong = [...totals.values()].reduce((sum, each) => sum + each.wrong, 0);
  console.log(`${String(done)} rounds, ${String(wrong)} wrong`);
}
console.table(Object.fromEntries(totals));
await rm(folder, { recursive: true });
process.exit([...totals.values()].some(({ wrong }) => wrong > 0) ? 1 : 0);
