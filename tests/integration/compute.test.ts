import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { SweepResult } from '../../main/contract/sweep.ts';
import { canonicalJson } from '../../main/files/canonical-json.ts';
import { commandLineHere } from '../main/cli/command-line-here.ts';
import {
  bundled,
  type ComputingEngine,
  halt,
  openComputingEngine,
  slowModel,
  waitUntilGone,
} from './computing-engine.ts';
import { readParquet } from './read-parquet.ts';
import { resources, temporaryFolder } from './run-uncurl.ts';

const SETTINGS = { methods: ['reap', 'random'], factors: [2, 4], seeds: [0], limit: 80 };

const startSweep = async (opened: ComputingEngine, ...tasks: readonly string[]): Promise<string> => {
  const { model, tasks: handles } = await bundled(opened, ...tasks);
  const settings = { ...SETTINGS, methods: [...SETTINGS.methods] };
  return (await opened.engine.call('sweep.start', { models: [model], tasks: handles, settings })).run;
};

/** A run's files without its name and without counts of work, which are lower if steps were on disk. */
const filesOf = async (workspace: string, run: string): Promise<unknown> => {
  const text = async (name: string): Promise<string> =>
    (await readFile(join(workspace, 'runs', run, name), 'utf8'))
      .replaceAll(run, 'RUN')
      .replace(/\{\s*"code": "steps",\s*"computed": \d+,\s*"reused": \d+\s*\}/, '"SUMMARY"');
  const outcomes = (await readParquet(join(workspace, 'runs', run, 'outcomes.parquet'))).map((row) => ({
    ...row,
    run: '',
  }));
  return {
    results: await text('results.json'),
    points: await text('points.json'),
    plans: await text('plans.json'),
    outcomes,
  };
};

const isPoint = (event: EngineEvent): boolean => event.type === 'sweep.changed' && event.change.what === 'point';
const pointsOf = (events: readonly EngineEvent[]): readonly SweepResult[] =>
  events.flatMap((event) =>
    event.type === 'sweep.changed' && event.change.what === 'point' ? [event.change.result] : [],
  );
/** Points of a document in a canonical order, without verdicts, which are computed on reading. */
const asReported = (results: readonly SweepResult[]): readonly string[] =>
  results.map(({ verdict: _verdict, ...rest }) => canonicalJson(rest)).sort();

test('stored answers are given while the compute process does not respond; its sweep ends normally', async () => {
  const beside = await openComputingEngine();
  const { engine, events, pids, hears, workspace } = beside;
  const run = await startSweep(beside, 'sort', 'capital');
  const isRandom = (event: EngineEvent): boolean =>
    event.type === 'sweep.changed' && event.change.what === 'point' && event.change.result.method === 'random';
  await hears(isRandom);
  const [pid = 0] = pids;
  await halt(pid);
  // Earlier messages are processed with the next answer.
  await engine.call('jobs.list', {});
  const before = pointsOf(events).length;
  const { model, tasks } = await bundled(beside, 'sort');
  const live = await engine.call('sweep.read', { run });
  expect(asReported(live.results)).toEqual(asReported(pointsOf(events)));
  const point = live.results.find(({ method }) => method === 'random');
  if (point === undefined) throw new Error('a point that was reported is not read');
  const { task, method, seed, factor } = point;
  const name = { run, model: point.model, task, method, seed, factor };
  expect(await engine.call('runs.list', {})).toEqual([expect.objectContaining({ id: run, state: 'running' })]);
  expect(await engine.call('jobs.list', {})).toEqual([
    expect.objectContaining({ run, done: expect.any(Number), description: expect.stringContaining('uncurl-16') }),
  ]);
  expect(await engine.call('profile.read', { model, tasks })).toHaveLength(1);
  expect((await engine.call('plan.make', { model, tasks, method: 'reap', factor: 2 })).cost.topK).toBe(2);
  expect((await engine.call('sweep.plan', name)).plan).toMatchObject({ method: 'random', factor });
  expect((await engine.call('outcomes.read', { ...name, show: 'all', from: 0, count: 5 })).items).toHaveLength(5);
  expect((await engine.call('sweep.compare', { run, factor })).run).toBe(run);
  expect((await engine.call('report.make', { run })).html).toContain('<html');
  expect(pointsOf(events)).toHaveLength(before);
  process.kill(pid, 'SIGCONT');
  expect(await engine.finished(run)).toMatchObject({ state: 'done', error: null });
  // Events arrive in order: a run starts before its first point, and has no more points once it is done.
  const states = events.flatMap((event) => (event.type === 'run.changed' ? [event.manifest.state] : []));
  expect(states).toEqual(['queued', 'running', 'done']);
  const types = events.map((event) =>
    event.type === 'run.changed' ? event.manifest.state : isPoint(event) ? 'point' : event.type,
  );
  expect(types.indexOf('running')).toBeLessThan(types.indexOf('point'));
  expect(types.lastIndexOf('point')).toBeLessThan(types.indexOf('done'));

  const here = await openComputingEngine('here');
  const other = await startSweep(here, 'sort', 'capital');
  await here.engine.finished(other);
  // The number of candidates per batch depends on their speed, and so does the order of points.
  expect(asReported(pointsOf(events))).toEqual(asReported(pointsOf(here.events)));
  expect(await filesOf(workspace, run)).toEqual(await filesOf(here.workspace, other));
});

test('many stored answers are given while a block of a model occupies the compute process', async () => {
  const beside = await openComputingEngine();
  const { engine, events, hears, pids } = beside;
  const model = await slowModel(beside);
  const { tasks } = await bundled(beside, 'french');
  const { run } = await engine.call('profile.start', { model, tasks });
  await hears((event) => event.type === 'job.progress' && event.progress.description.startsWith('Profiling'));
  const reports = (): number => events.filter(({ type }) => type === 'job.progress').length;
  let mostBetween = 0;
  for (let [mark, answered] = [reports(), 0]; mostBetween < 20; answered += 1) {
    await engine.call('runs.list', {});
    await engine.call('profile.read', { model, tasks });
    if (reports() !== mark) [mark, answered] = [reports(), 0];
    mostBetween = Math.max(mostBetween, answered);
    // If the whole profile finished before so many answers, the blocks would delay the answers.
    expect((await engine.call('jobs.list', {})).length).toBe(1);
  }
  await engine.call('jobs.cancel', { run });
  await expect(engine.finished(run)).rejects.toMatchObject({ kind: 'cancelled' });
  expect(await engine.call('runs.list', {})).toEqual([expect.objectContaining({ id: run, state: 'cancelled' })]);
  expect(pids.length).toBeGreaterThan(0);
});

test('a job whose process does not respond is cancelled, and the next one gets a new process', async () => {
  const beside = await openComputingEngine();
  const { engine, pids, hears, workspace } = beside;
  const run = await startSweep(beside, 'sort');
  await hears(isPoint);
  const [pid = 0] = pids;
  await halt(pid);
  await engine.call('jobs.cancel', { run });
  await expect(engine.finished(run)).rejects.toMatchObject({ kind: 'cancelled' });
  await waitUntilGone(pid);
  expect(await engine.call('runs.list', {})).toEqual([
    expect.objectContaining({ id: run, state: 'cancelled', error: null }),
  ]);
  expect(await readdir(join(workspace, 'tmp'))).toEqual([]);
  // Reported points are on disk and can be read from there.
  const stored = (await engine.call('sweep.read', { run })).results;
  expect(asReported(stored)).toEqual(asReported(pointsOf(beside.events)));

  await engine.call('jobs.resume', { run });
  expect(await engine.finished(run)).toMatchObject({ state: 'done' });
  expect(new Set(pids).size).toBe(2);
});

test('a killed compute process fails its run by name; the next job works, and the run can be resumed', async () => {
  const beside = await openComputingEngine();
  const { engine, pids, hears } = beside;
  const run = await startSweep(beside, 'sort');
  await hears(isPoint);
  process.kill(pids[0] ?? 0, 'SIGKILL');
  await expect(engine.finished(run)).rejects.toMatchObject({ code: 'compute-lost', kind: 'failed' });
  const [failed] = await engine.call('runs.list', {});
  expect(failed).toMatchObject({ state: 'failed' });
  expect(failed?.error).toMatch(
    /The process that computed "Sweep of uncurl-16 on .*" ended \(SIGKILL\): it was killed/,
  );
  expect(failed?.error).toMatch(/Resume it: every finished step is on disk/);
  const { model, tasks } = await bundled(beside, 'french');
  const profile = await engine.call('profile.start', { model, tasks });
  expect(await engine.finished(profile.run)).toMatchObject({ state: 'done' });
  await engine.call('jobs.resume', { run });
  expect(await engine.finished(run)).toMatchObject({ state: 'done' });
  const here = await openComputingEngine('here');
  const other = await startSweep(here, 'sort');
  await here.engine.finished(other);
  expect(await filesOf(beside.workspace, run)).toEqual(await filesOf(here.workspace, other));
});

test('a process that could not open the workspace for one job opens it for the next', async () => {
  const beside = await openComputingEngine();
  const { engine, pids, workspace } = beside;
  const mark = join(workspace, 'workspace.json');
  const text = await readFile(mark, 'utf8');
  await writeFile(mark, 'not yet synchronised');
  const run = await startSweep(beside, 'sort');
  await expect(engine.finished(run)).rejects.toMatchObject({ code: 'not-a-workspace' });
  await writeFile(mark, text);
  await engine.call('jobs.resume', { run });
  expect(await engine.finished(run)).toMatchObject({ state: 'done' });
  expect(pids).toHaveLength(1);
});

test('a killed engine takes its compute process along; resuming gives identical results', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const script = join(import.meta.dirname, 'sweep-beside.ts');
  const child = spawn(process.execPath, [script, workspace, resources], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      printed += data.toString();
      if (printed.includes('point: reap')) resolve();
    });
    child.once('exit', () => reject(new Error(`it ended before it reported points:\n${printed}`)));
  });
  const [, pid = ''] = /computes: (\d+)/.exec(printed) ?? [];
  const [, run = ''] = /run: (\S+)/.exec(printed) ?? [];
  child.kill('SIGKILL');
  await waitUntilGone(Number(pid));

  const beside = await openComputingEngine('beside', workspace);
  expect(await beside.engine.call('runs.list', {})).toEqual([
    expect.objectContaining({ id: run, state: 'interrupted' }),
  ]);
  await beside.engine.call('jobs.resume', { run });
  expect(await beside.engine.finished(run)).toMatchObject({ state: 'done' });

  const here = await openComputingEngine('here');
  const { model, tasks } = await bundled(here, 'french', 'sort');
  const inOrder = (await here.engine.call('tasks.list', {})).filter(({ handle }) => tasks.includes(handle));
  const again = await here.engine.call('sweep.start', {
    models: [model],
    tasks: inOrder.map(({ handle }) => handle),
    settings: { methods: ['random', 'reap'], factors: [2, 4], seeds: [0], limit: 200 },
  });
  await here.engine.finished(again.run);
  expect(await filesOf(workspace, run)).toEqual(await filesOf(here.workspace, again.run));
});

test('every kind of job is recreated from its manifest there: export, verification, reproduction', async () => {
  const beside = await openComputingEngine();
  const { engine } = beside;
  const sweep = await startSweep(beside, 'sort');
  await engine.finished(sweep);
  const point = { run: sweep, model: 'uncurl-16', task: 'sort', method: 'reap', seed: null, factor: 2 };
  const { plan } = await engine.call('sweep.plan', point);
  const { model } = await bundled(beside);
  const target = await temporaryFolder();
  const into = engine.grantPath(target);
  const exported = await engine.call('export.start', { model, plan, into, name: 'small' });
  expect(await engine.finished(exported.run)).toMatchObject({ state: 'done', output: join(target, 'small') });
  expect(await readFile(join(target, 'small', 'README.md'), 'utf8')).toMatch(/sort \| reap \| 2 /);
  // The verb writes the same folder: weights, plan, and the card with what the workspace measured.
  const planFile = join(target, 'plan.json');
  await writeFile(planFile, JSON.stringify(plan));
  await mkdir(join(target, 'verb'));
  const verb = ['export', 'uncurl-16', '--plan', planFile, '--workspace', beside.workspace, '--threads', '1'];
  expect(await commandLineHere(...verb, '--out', join(target, 'verb', 'small'))).toMatchObject({ code: 0 });
  const names = (await readdir(join(target, 'small'))).sort();
  expect((await readdir(join(target, 'verb', 'small'))).sort()).toEqual(names);
  for (const name of names)
    expect(
      (await readFile(join(target, 'verb', 'small', name))).equals(await readFile(join(target, 'small', name))),
      name,
    ).toBe(true);
  const verified = await engine.call('verify.start', {
    exported: engine.grantPath(join(target, 'small')),
    against: model,
    plan,
  });
  await engine.finished(verified.run);
  expect(await engine.call('verify.read', { run: verified.run })).toMatchObject({ ok: true });
  const { run } = await engine.call('run.reproduce', { run: sweep });
  await engine.finished(run);
  expect(await engine.call('reproduction.read', { run })).toMatchObject({ flipped: [], largestScoreDifference: 0 });
});
