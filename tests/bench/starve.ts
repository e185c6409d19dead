/**
 * How long stored answers take while a sweep of a 1 GB model runs: once with the sweep in a compute process beside the
 * engine, once (`before`) in the engine's own process. Goal: 95 % of the answers of every call within 100 ms.
 *
 * Method: a workspace with a finished sweep of a bundled model, whose stored data the calls request; then a sweep of
 * the synthetic 1 GB checkpoint, with as many threads as the machine has cores. For SECONDS seconds, calls are made one
 * after another with a pause of 10 ms before each, like those of a page while its user clicks, and timed from the call
 * to its parsed answer; an answer that is missing at the end counts with the time elapsed. Finally the sweep is
 * cancelled, and the time until its run ends is measured. In both cases the engine runs in the measuring process, so
 * the times are those that a page would wait. The delay of a timer in this process is measured too, as the machine's
 * own share. Prints milliseconds and the machine's load.
 * Usage: npx node tests/bench/starve.ts [seconds, default 60] [beside | before]
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { forkCompute } from '../../main/compute/start-compute.ts';
import { createEngine, type Engine } from '../../main/engine/engine.ts';
import { oneGigabyteCheckpoint } from './shapes.ts';

const PAUSE_MS = 10;
const seconds = Number(process.argv[2] ?? 60);
const asked = process.argv[3];
const resources = path.join(import.meta.dirname, '..', '..', 'resources');

/** Milliseconds; `-` without any value. */
const quantile = (values: readonly number[], part: number): string =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * part) - 1]?.toFixed(1) ?? '-';

const loadNow = (): string =>
  os
    .loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

/** Stored data for the calls: a sweep of a bundled model on two tasks, and its profiles. */
const prepare = async (engine: Engine) => {
  const models = await engine.call('models.list', {});
  const listed = await engine.call('tasks.list', {});
  const model = models.find(({ name }) => name === 'uncurl-16');
  const tasks = listed.filter(({ name }) => name === 'french' || name === 'sort').map(({ handle }) => handle);
  if (model === undefined) throw new Error('no bundled model');
  const { run } = await engine.call('sweep.start', {
    models: [model.handle],
    tasks,
    settings: { methods: ['reap', 'random'], factors: [2, 4], seeds: [0, 1] },
  });
  await engine.finished(run);
  return { model: model.handle, tasks, run };
};

const startLargeSweep = async (engine: Engine, folder: string): Promise<string> => {
  const model = engine.grantPath(folder);
  await engine.call('models.open', { handle: model });
  const tasks = (await engine.call('tasks.list', {})).filter(({ name }) => name !== 'french');
  const { run } = await engine.call('sweep.start', {
    models: [model],
    tasks: tasks.map(({ handle }) => handle),
    settings: { methods: ['reap', 'random'], factors: [2, 4, 8], seeds: [0, 1, 2] },
  });
  return run;
};

const measure = async (where: 'beside' | 'before'): Promise<void> => {
  const base = await mkdtemp(path.join(os.tmpdir(), 'uncurl-starve-'));
  const folder = path.join(base, 'large');
  await cp(await oneGigabyteCheckpoint(), folder, { recursive: true });
  await cp(path.join(resources, 'models', 'uncurl-16', 'tokenizer.json'), path.join(folder, 'tokenizer.json'));
  const engine = await createEngine({
    workspace: path.join(base, 'workspace'),
    resources,
    commandLine: 'bench',
    startCompute: where === 'beside' ? forkCompute : undefined,
  });
  try {
    const { model, tasks, run } = await prepare(engine);
    const point = { run, model: 'uncurl-16', task: 'sort', method: 'reap', seed: null, factor: 2 };
    const large = await startLargeSweep(engine, folder);
    const { plan } = await engine.call('plan.make', { model, tasks, method: 'reap', factor: 2 });
    const asks: Readonly<Record<string, () => Promise<unknown>>> = {
      'runs.list': () => engine.call('runs.list', {}),
      'models.list': () => engine.call('models.list', {}),
      'tasks.list': () => engine.call('tasks.list', {}),
      'jobs.list': () => engine.call('jobs.list', {}),
      'profile.read': () => engine.call('profile.read', { model, tasks }),
      'plan.make (reap)': () => engine.call('plan.make', { model, tasks, method: 'reap', factor: 4 }),
      'plan.make (uncurl)': () => engine.call('plan.make', { model, tasks, method: 'uncurl', factor: 4 }),
      'plan.cost': () => engine.call('plan.cost', { model, plan }),
      'sweep.read (stored)': () => engine.call('sweep.read', { run }),
      'sweep.read (running)': () => engine.call('sweep.read', { run: large }),
      'sweep.plan': () => engine.call('sweep.plan', point),
      'outcomes.read': () => engine.call('outcomes.read', { ...point, show: 'all', from: 0, count: 50 }),
      'sweep.compare': () => engine.call('sweep.compare', { run, factor: 2 }),
      'sweep.sizeTrend': () => engine.call('sweep.sizeTrend', { run }),
    };
    // Data read once and then cached do not measure starvation; first answers are printed separately.
    const first = new Map<string, number>();
    const times = new Map<string, number[]>(Object.keys(asks).map((name) => [name, []]));
    const timer: number[] = [];
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      for (const [name, ask] of Object.entries(asks)) {
        const before = performance.now();
        await pause(PAUSE_MS);
        const start = performance.now();
        timer.push(start - before - PAUSE_MS);
        await ask();
        const ms = performance.now() - start;
        if (first.has(name)) times.get(name)?.push(ms);
        else first.set(name, ms);
      }
    }
    const load = loadNow();
    const isOver = !(await engine.call('jobs.list', {})).some((job) => job.run === large);
    const start = performance.now();
    const ended = engine.finished(large).catch(() => undefined);
    await engine.call('jobs.cancel', { run: large });
    await ended;
    const cancelled = performance.now() - start;
    const title = where === 'beside' ? 'the sweep in a separate process' : 'before: the sweep in the engine';
    process.stdout.write(`\n${title}, ${String(seconds)} s, load ${load}${isOver ? ' (THE SWEEP ENDED EARLY)' : ''}\n`);
    const row = (name: string, list: readonly number[], early = ''): void => {
      const figures = [0.5, 0.95, 1].map((part) => quantile(list, part).padStart(9)).join('');
      process.stdout.write(`${name.padEnd(24)}${String(list.length).padStart(6)}${figures}${early.padStart(9)}\n`);
    };
    process.stdout.write(`${''.padEnd(24)}${'n'.padStart(6)}   median     95 %      max    first   (ms)\n`);
    for (const [name, list] of times) row(name, list, first.get(name)?.toFixed(1));
    row('every call', [...times.values()].flat());
    row('delay of a timer', timer);
    process.stdout.write(`cancelled after ${cancelled.toFixed(0)} ms\n`);
  } finally {
    await engine.dispose();
    await rm(base, { recursive: true, force: true });
  }
};

const modes = (['beside', 'before'] as const).filter((mode) => asked === undefined || asked === mode);
for (const mode of modes) await measure(mode);
