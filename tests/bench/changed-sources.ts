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
import {
  changedFor,
  type ChangeName,
  type Disturbance,
  disturbanceOf,
  makeSources,
} from './changed-sources/changes.ts';
import { computingPaths, type ComputingPath, openEngine, type Bench, resources } from './changed-sources/paths.ts';
import { filesOf } from './kills/sweeps.ts';

/**
 * npx node tests/bench/changed-sources.ts [rounds] [seed] [pattern of names] [bytes of padding]
 *
 * Runs every way to compute numbers of a model in turn (default: 200 rounds in total), while one of the files that it
 * reads is changed and restored: weights (all, the routers, one expert, one byte), configuration, tokenizer, chat
 * template, end tokens, items of the task. Another process (Python 3) writes: in place, by renaming a file, by a link,
 * or through a mapping whose pages were dirty before; in seven cases of ten it restores the modification time too. With
 * padding the tensors are spread over more bytes, of zeros between them that take no space on disk (80000000: 80 MB),
 * so that the models are larger than those that are hashed when they are opened. There are four kinds of rounds:
 *
 * - during: the file is changed at a random moment of a run and restored at another, in three of ten only afterwards;
 * - before: it is changed after the model was opened, then the run is started;
 * - between: it is changed after a whole run, and the same is asked again in the same workspace;
 * - in resume: it is changed while a run is interrupted, which is then resumed.
 *
 * Then the same is computed again without changes in the same workspace, by the same engine or another one. These count
 * as wrong: a result of that last run, or a step or overlay in both workspaces, that differs from a clean workspace; a
 * result of an earlier run that succeeded and matches neither the original nor the changed files, or, where they stayed
 * changed all the time, not the changed ones; a file left by a failed run. If UNCURL_INTEROP_PYTHON names a Python with
 * PyTorch, it computes a sweep too, and without padding fine-tuning and fine-tuned arms run. Prints for each way, kind
 * and way of writing: rounds, how many succeeded, how many reported changed files, how many failed otherwise, correct
 * stored steps, and what was wrong; of those that succeeded, how many gave the numbers of the changed files.
 */
const [rounds = '200', seed = '1', pattern = '', padding = '0'] = process.argv.slice(2);
const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-changed-'));
const random = seededRandom(Number(seed));
const sources = await makeSources(resources, folder, Number(padding));
const ways = computingPaths(process.env['UNCURL_INTEROP_PYTHON'], padding !== '0').filter(({ name }) =>
  new RegExp(pattern).test(name),
);

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
 * The bytes of a step. In an evaluation, provenance of its plan is left out, and the seals over it: draws of a method
 * with equal plans share one step, which names the draw that was measured first.
 */
const bytesOf = (name: string, bytes: string): string => {
  if (!name.endsWith('.json')) return bytes;
  const stored = evaluation.safeParse(JSON.parse(Buffer.from(bytes, 'base64').toString('utf8')));
  if (!stored.success) return bytes;
  const { value, sha256: _sealed, marks: _marks, ...rest } = stored.data;
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

const none = {
  rounds: 0,
  'ended well': 0,
  'with changed numbers': 0,
  'reported as changed': 0,
  'failed otherwise': 0,
  'steps kept': 0,
  wrong: 0,
};
type Counts = typeof none;
const totals = new Map<string, Counts>();
const countAs = (name: string, counts: Counts): void => {
  const total = totals.get(name) ?? none;
  const keys = Object.keys(none) as (keyof Counts)[];
  totals.set(name, Object.fromEntries(keys.map((key) => [key, total[key] + counts[key]])) as Counts);
};
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
  return /\b(?:changed while it was|was changed while|was written to after it was opened)\b/.test(error.message)
    ? 'model-changed'
    : error.code;
};

/** The first difference of two texts with its surroundings; the correct text comes first. */
const differenceOf = (right: string, wrong: string): string => {
  let at = 0;
  while (at < right.length && right[at] === wrong[at]) at += 1;
  const [one, other] = [right, wrong].map((text) => text.slice(Math.max(0, at - 80), at + 80));
  return `at ${String(at)} of ${String(right.length)}: ${JSON.stringify([one, other])}`;
};

type Ended = { readonly result: unknown } | { readonly error: unknown };

const endOf = (work: Promise<unknown>): Promise<Ended> =>
  work.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );

interface Round {
  readonly way: ComputingPath;
  readonly change: ChangeName;
  readonly clean: Clean;
  readonly disturbance: Disturbance;
}

/** Another engine on the same workspace. */
const reopened = async (bench: Bench): Promise<Bench> => {
  await bench.engine.dispose();
  return { ...bench, engine: await openEngine(bench.workspace) };
};

const isRight = async ({ way, change, clean }: Round, result: unknown, onlyChanged: boolean): Promise<boolean> =>
  (!onlyChanged && isDeepStrictEqual(result, clean.result)) ||
  isDeepStrictEqual(result, await resultOfChanged(way, change));

const KINDS = ['during', 'before', 'between', 'in resume'] as const;

/** One run, or two, with changed files; `onlyChanged`: the last one saw no others. */
const disturbed = async (
  { way, clean, disturbance }: Round,
  kind: (typeof KINDS)[number],
  bench: Bench,
): Promise<{ readonly ended: Ended; readonly onlyChanged: boolean; readonly bench: Bench }> => {
  if (kind === 'during') {
    const running = disturbance.during(clean.tookMs);
    const ended = await endOf(way.run(bench));
    await running;
    return { ended, onlyChanged: false, bench };
  }
  if (kind === 'before') {
    const { engine } = bench;
    for (const model of [sources.model, sources.larger])
      await engine.call('models.open', { handle: engine.grantPath(model) });
    await disturbance.change();
    return { ended: await endOf(way.run(bench)), onlyChanged: true, bench };
  }
  if (kind === 'between') {
    await way.run(bench);
    if (way.out !== undefined) await rm(path.join(bench.folder, way.out), { recursive: true, force: true });
    const own = random.float() < 0.5 ? await reopened(bench) : bench;
    await disturbance.change();
    return { ended: await endOf(way.run(own)), onlyChanged: true, bench: own };
  }
  const { start, result } = way.inParts ?? expect();
  const run = await start(bench);
  await new Promise((resolve) => setTimeout(resolve, random.float() * clean.tookMs));
  const own = await reopened(bench);
  await disturbance.change();
  const resume = async (): Promise<unknown> => {
    const { state } = (await own.engine.call('runs.list', {})).find(({ id }) => id === run) ?? { state: 'done' };
    if (state === 'done') throw new WorkbenchError('changed-since', 'refused', 'done before it was interrupted', '');
    await own.engine.call('jobs.resume', { run });
    return result(own, run);
  };
  return { ended: await endOf(resume()), onlyChanged: true, bench: own };
};

const expect = (): never => {
  throw new Error('not in parts');
};

const round = async (way: ComputingPath): Promise<readonly string[]> => {
  const clean = right.get(way.name) ?? (await cleanly(way));
  right.set(way.name, clean);
  const total = { ...none, rounds: 1 };
  const change = way.reads[random.integer(way.reads.length)] ?? 'weights';
  const kinds = KINDS.filter(
    (kind) => kind === 'during' || (way.compares !== true && (kind !== 'in resume' || way.inParts !== undefined)),
  );
  const kind = kinds[random.integer(kinds.length)] ?? 'during';
  // Known before the files are disturbed, so that only one change is in them at a time.
  if (kind !== 'during') await resultOfChanged(way, change);
  let bench = await openPath();
  const wrong: string[] = [];
  const disturbance = await disturbanceOf(sources, change, random);
  try {
    await way.prepare?.(bench);
    const made = { way, change, clean, disturbance };
    const first = await disturbed(made, kind, bench);
    bench = first.bench;
    await disturbance.restore();
    const { ended } = first;
    const out = way.out === undefined ? null : path.join(bench.folder, way.out);
    if ('error' in ended) {
      const code = codeOf(ended.error);
      total[CHANGED.test(code) ? 'reported as changed' : 'failed otherwise'] += 1;
      if (!CHANGED.test(code)) console.error(`${way.name}, ${change}: ${String(ended.error).slice(0, 300)}`);
      if (out !== null && ((await isFile(out)) || (await isFile(path.join(out, 'config.json')))))
        wrong.push('left a file behind');
    } else {
      total['ended well'] += 1;
      total['with changed numbers'] += Number(!isDeepStrictEqual(ended.result, clean.result));
      if (!(await isRight(made, ended.result, first.onlyChanged)))
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
    if (random.float() < 0.5) bench = await reopened(bench);
    if (!isDeepStrictEqual(await way.run(bench), clean.result)) wrong.push('gave a different result afterwards');
  } finally {
    await disturbance.restore();
    await disturbance.end();
    await closeBench(bench);
  }
  total.wrong = Number(wrong.length > 0);
  for (const name of [way.name, `kind: ${kind}`, `written: ${disturbance.write}`, `changed: ${change}`, 'all'])
    countAs(name, total);
  return wrong.map((what) => `${way.name}, ${kind}, ${disturbance.words}: ${what}`);
};

let done = 0;
for (let turn = 0; done < Number(rounds); turn += 1) {
  for (const way of ways.filter(({ every = 1 }) => turn % every === 0).slice(0, Number(rounds) - done)) {
    for (const what of await round(way)) console.error(`WRONG: ${what}`);
    done += 1;
    console.log(`${String(done)} rounds, ${String(totals.get('all')?.wrong ?? 0)} wrong`);
  }
}
console.table(Object.fromEntries([...totals].sort(([one], [other]) => one.localeCompare(other))));
await rm(folder, { recursive: true });
process.exit(totals.get('all')?.wrong === 0 ? 0 : 1);
