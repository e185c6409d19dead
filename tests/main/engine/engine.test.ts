import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { pathHandle, type PathHandle } from '../../../main/contract/model.ts';
import type { Engine, EngineSettings } from '../../../main/engine/engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const openWatched = async (
  workspace?: string,
  settings: Partial<EngineSettings> = {},
): Promise<{ engine: Engine; events: EngineEvent[]; workspace: string }> => {
  const folder = workspace ?? join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(folder, { threads: 2, ...settings });
  const events: EngineEvent[] = [];
  engine.subscribe((event) => events.push(event));
  return { engine, events, workspace: folder };
};

const bundled = async (
  engine: Engine,
  model: string,
  ...tasks: string[]
): Promise<{ model: PathHandle; tasks: PathHandle[] }> => {
  const found = (await engine.call('models.list', {})).find(({ name }) => name === model);
  const listed = await engine.call('tasks.list', {});
  const handles = tasks.map((name) => listed.find((task) => task.name === name)?.handle);
  if (found === undefined || handles.includes(undefined)) throw new Error(`no bundled ${model} or ${tasks.join()}`);
  return { model: found.handle, tasks: handles.flatMap((handle) => handle ?? []) };
};

test('a call that is cancelled before it changes something changes nothing', async () => {
  const { engine, events, workspace } = await openWatched();
  const { model, tasks } = await bundled(engine, 'uncurl-8', 'add');
  const own = join(workspace, '..', 'own-8');
  await cp(join(resources, 'models', 'uncurl-8'), own, { recursive: true });
  const items = join(workspace, '..', 'own.jsonl');
  await cp(join(resources, 'tasks', 'add', 'test.jsonl'), items);
  const listed = async () => [
    (await engine.call('runs.list', {})).length,
    (await engine.call('models.list', {})).length,
    (await engine.call('tasks.list', {})).length,
  ];
  const before = await listed();
  const asked: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => engine.call('models.open', { handle: engine.grantPath(own) }, signal),
    (signal) => engine.call('tasks.open', { handle: engine.grantPath(items) }, signal),
    (signal) => engine.call('profile.start', { model, tasks }, signal),
    (signal) =>
      engine.call('sweep.start', { models: [model], tasks, settings: { methods: ['random'], factors: [2] } }, signal),
    (signal) => engine.call('sample.add', {}, signal),
  ];
  for (const ask of asked) {
    const controller = new AbortController();
    const ended = expect(ask(controller.signal)).rejects.toMatchObject({ code: 'call-cancelled', kind: 'cancelled' });
    controller.abort();
    await ended;
  }
  expect(await listed()).toEqual(before);
  expect(await readdir(join(workspace, 'runs'))).toEqual([]);
  expect(events).toEqual([]);
});

test('lists bundled models and tasks and its device, and refuses malformed calls and foreign handles', async () => {
  const { engine } = await openWatched();
  const facts = await engine.call('engine.facts', {});
  expect(facts).toMatchObject({
    version: expect.any(String),
    machine: hostname(),
    device: { provider: 'cpu', precision: 'float32', threads: 2 },
  });
  expect(facts.memory.budgetBytes).toBeLessThan(facts.memory.totalBytes);
  const models = await engine.call('models.list', {});
  expect(models.find(({ name }) => name === 'uncurl-16')).toMatchObject({
    bundled: true,
    error: null,
    info: { experts: 16, topK: 2 },
  });
  expect(await engine.call('tasks.list', {})).toEqual(
    expect.arrayContaining([expect.objectContaining({ name: 'french', bundled: true, chance: 0.25, error: null })]),
  );
  await expect(engine.call('models.open', { handle: pathHandle.parse('made-up') })).rejects.toMatchObject({
    code: 'unknown-handle',
  });
  await expect(
    engine.call('tasks.preview', {
      ...(await bundled(engine, 'uncurl-16', 'french')),
      handle: pathHandle.parse('x'),
      split: 'test',
      count: 0,
    }),
  ).rejects.toMatchObject({ code: 'invalid-input', kind: 'refused' });
});

test(
  'remembers opened models and tasks across engines, ' + 'reports later problems with them, and forgets them',
  async () => {
    const { engine, events, workspace } = await openWatched();
    const folder = await temporaryFolder();
    await cp(join(resources, 'models', 'uncurl-16'), join(folder, 'mine'), { recursive: true });
    await cp(join(resources, 'tasks', 'capital'), join(folder, 'quiz'), { recursive: true });
    const [model, task] = [engine.grantPath(join(folder, 'mine')), engine.grantPath(join(folder, 'quiz'))];
    expect(await engine.call('models.open', { handle: model })).toMatchObject({ name: 'mine', bundled: false });
    await engine.call('models.open', { handle: model });
    await engine.call('tasks.open', { handle: task });
    expect(events.map(({ type }) => type)).toEqual(['models.changed', 'tasks.changed']);
    await expect(engine.call('models.open', { handle: engine.grantPath(folder) })).rejects.toMatchObject({
      kind: 'refused',
    });

    const second = (await openWatched(workspace)).engine;
    const find = async (): Promise<unknown> =>
      (await second.call('models.list', {})).find(({ path }) => path === join(folder, 'mine'));
    expect(await find()).toMatchObject({ handle: model, error: null });
    await writeFile(join(folder, 'mine', 'config.json'), '{"model_type":"unheard-of"}');
    expect(await find()).toMatchObject({ info: null, error: expect.stringContaining('unheard-of') });
    await second.call('models.forget', { handle: model });
    expect(await find()).toBeUndefined();
    expect((await second.call('tasks.list', {})).filter((entry) => !entry.bundled)).toHaveLength(1);
    const { model: shipped } = await bundled(second, 'uncurl-16');
    await expect(second.call('models.forget', { handle: shipped })).rejects.toMatchObject({ code: 'bundled' });
  },
);

test('folders are not listed if the shell has dialogs: a handle reveals its path only', async () => {
  const { engine } = await openWatched();
  const models = engine.grantPath(join(resources, 'models'));
  await expect(engine.call('folders.list', {})).rejects.toMatchObject({ code: 'no-browsing', kind: 'refused' });
  await expect(engine.call('folders.list', { handle: models })).rejects.toMatchObject({ code: 'no-browsing' });
  expect(await engine.call('paths.name', { handle: models })).toEqual({ path: join(resources, 'models') });
});

test('profile, plan, sweep, read, plan of a point, export, verify: the loop, through the contract', async () => {
  const { engine, events, workspace } = await openWatched();
  const { model, tasks } = await bundled(engine, 'uncurl-16', 'capital', 'sort');
  expect(await engine.call('profile.read', { model, tasks })).toEqual([]);
  const request = { model, tasks, method: 'reap', factor: 4 } as const;
  await expect(engine.call('plan.make', request)).rejects.toMatchObject({ code: 'profile-missing' });
  const profile = await engine.call('profile.start', { model, tasks });
  await engine.finished(profile.run);
  const profiles = await engine.call('profile.read', { model, tasks });
  expect(profiles.map(({ task, counts }) => [task, counts.length, counts[0]?.length])).toEqual([
    ['capital', 3, 16],
    ['sort', 3, 16],
  ]);
  for (const { counts, tokens } of profiles) {
    for (const layer of counts) expect(layer.reduce((sum, count) => sum + count, 0)).toBe(2 * tokens);
  }
  const made = await engine.call('plan.make', request);
  expect(made.cost).toMatchObject({ keptPerLayer: [4, 4, 4], topK: 2, exportable: { hf: true } });
  expect(await engine.call('plan.cost', { model, plan: made.plan })).toEqual(made.cost);
  await expect(engine.call('plan.make', { ...request, keep: 4 })).rejects.toMatchObject({ code: 'factor-or-keep' });

  const settings = { methods: ['reap', 'random'], factors: [1, 2, 4], seeds: [0, 1], limit: 150 } as const;
  const started = await engine.call('sweep.start', {
    models: [model],
    tasks,
    settings: {
      ...settings,
      methods: [...settings.methods],
      factors: [...settings.factors],
      seeds: [...settings.seeds],
    },
  });
  await engine.finished(started.run);
  const document = await engine.call('sweep.read', { run: started.run });
  // Unpruned, and two factors for reap and for each of two seeds of random; on two tasks.
  expect(document.results).toHaveLength(2 * (1 + 2 * 3));
  expect(document.results.map(({ n, task }) => [n, task])).toEqual(
    expect.arrayContaining([
      [150, 'capital'],
      [150, 'sort'],
    ]),
  );
  expect(events.filter((event) => event.type === 'sweep.changed' && event.change.what === 'point')).toHaveLength(
    document.results.length,
  );
  expect(document.notes?.at(-1)).toBe('14 of 16 steps computed, 2 reused from disk.');
  const strict = await engine.call('sweep.read', { run: started.run, delta: 0.3 });
  expect(strict.thresholds.every(({ delta }) => delta === 0.3)).toBe(true);
  // The verdict and its one-sided bounds depend on the margin; what was measured does not.
  const measured = ({ results }: typeof strict) =>
    results.map(({ verdict: _verdict, level: _level, lowOneSided: _low, highOneSided: _high, ...result }) => result);
  expect(measured(strict)).toEqual(measured(document));
  expect(strict.results.every(({ verdict, factor }) => (verdict === null) === (factor === 1))).toBe(true);

  const point = { run: started.run, model: 'uncurl-16', task: 'sort', method: 'reap', seed: null, factor: 4 };
  const { plan, cost } = await engine.call('sweep.plan', point);
  expect(plan).toMatchObject({ method: 'reap', tasks: ['sort'], factor: 4 });
  expect(cost.keptPerLayer).toEqual([4, 4, 4]);
  expect((await engine.call('sweep.plan', { ...point, method: 'unpruned', factor: 1 })).cost.keptPerLayer).toEqual([
    16, 16, 16,
  ]);
  await expect(engine.call('sweep.plan', { ...point, factor: 3 })).rejects.toMatchObject({ code: 'no-such-point' });

  const target = join(workspace, '..', 'exports');
  await mkdir(target);
  const into = engine.grantPath(target);
  const exported = await engine.call('export.start', { model, plan, into, name: 'small' });
  expect(await engine.finished(exported.run)).toMatchObject({ state: 'done', output: join(target, 'small') });
  expect(await engine.call('verify.read', { run: exported.run })).toMatchObject({
    ok: true,
    sameExperts: true,
    sameTensors: true,
  });
  expect(await readFile(join(target, 'small', 'README.md'), 'utf8')).toMatch(/sort \| reap \| 4 /);
  await expect(engine.call('export.start', { model, plan, into, name: 'small' })).rejects.toMatchObject({
    code: 'destination-exists',
  });
  const verified = await engine.call('verify.start', {
    exported: engine.grantPath(join(target, 'small')),
    against: model,
    plan: made.plan,
  });
  await engine.finished(verified.run);
  expect(await engine.call('verify.read', { run: verified.run })).toMatchObject({ ok: false });

  const runs = await engine.call('runs.list', {});
  expect(runs.map(({ kind, state }) => [kind, state])).toEqual([
    ['verify', 'done'],
    ['export', 'done'],
    ['sweep', 'done'],
    ['profile', 'done'],
  ]);
  await engine.call('runs.remove', { run: profile.run });
  expect(await readdir(join(workspace, 'runs'))).toHaveLength(3);
});

test(
  'a sweep is cancelled in the middle, resumed to the ' + 'same numbers, and says when there was nothing left to do',
  async () => {
    const { engine } = await openWatched();
    const { model, tasks } = await bundled(engine, 'uncurl-16', 'french', 'add');
    const sweep = {
      models: [model],
      tasks,
      settings: { methods: ['frequency' as const, 'uncurl' as const], factors: [2, 4, 8], seeds: [0], limit: 150 },
    };
    const { run } = await engine.call('sweep.start', sweep);
    const firstPoint = new Promise<void>((resolve) => {
      engine.subscribe((event) => {
        if (event.type === 'sweep.changed' && event.change.what === 'point') resolve();
      });
    });
    await firstPoint;
    expect((await engine.call('sweep.read', { run })).results.length).toBeGreaterThan(0);
    await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject({ code: 'already-running' });
    const ended = engine.finished(run);
    await engine.call('jobs.cancel', { run });
    await expect(ended).rejects.toMatchObject({ code: 'cancelled', kind: 'cancelled' });
    const partial = await engine.call('sweep.read', { run });
    expect(partial.results.length).toBeGreaterThan(0);
    expect(partial.results.length).toBeLessThan(14);
    await engine.call('jobs.resume', { run });
    await engine.finished(run);
    const resumed = await engine.call('sweep.read', { run });

    const elsewhere = (await openWatched()).engine;
    const again = await bundled(elsewhere, 'uncurl-16', 'french', 'add');
    const second = await elsewhere.call('sweep.start', { ...sweep, models: [again.model], tasks: again.tasks });
    await elsewhere.finished(second.run);
    const fresh = await elsewhere.call('sweep.read', { run: second.run });
    expect(resumed.results).toEqual(fresh.results);
    expect(resumed.thresholds).toEqual(fresh.thresholds);

    const repeated = await engine.call('sweep.start', sweep);
    await engine.finished(repeated.run);
    const reused = await engine.call('sweep.read', { run: repeated.run });
    expect(reused.results).toEqual(fresh.results);
    expect(reused.notes).toContain('0 of 16 steps computed, 16 reused from disk.');
  },
);

test('refuses before a run is made: impossible factors, untrained routers, no calibration, changed tasks', async () => {
  const { engine, workspace } = await openWatched();
  const { model, tasks } = await bundled(engine, 'uncurl-16', 'capital');
  const sweep = (
    factors: number[],
    task = tasks,
    methods: ('reap' | 'random')[] = ['reap'],
  ): Promise<{ run: string }> =>
    engine.call('sweep.start', { models: [model], tasks: task, settings: { methods, factors } });
  await expect(sweep([9])).rejects.toMatchObject({ code: 'factor-too-large', kind: 'refused' });
  const untrained = engine.call('sweep.start', {
    models: [model],
    tasks,
    settings: { methods: ['uncurl'], factors: [2], options: { uncurl: { router: 'reinitialised' } } },
  });
  await expect(untrained).rejects.toMatchObject({ code: 'router-untrained', kind: 'refused' });
  const folder = await temporaryFolder();
  const items = await readFile(join(resources, 'tasks', 'capital', 'test.jsonl'), 'utf8');
  await writeFile(join(folder, 'plain.jsonl'), items);
  const plain = [engine.grantPath(join(folder, 'plain.jsonl'))];
  await expect(sweep([2], plain)).rejects.toMatchObject({ code: 'no-calibration' });
  expect(await readdir(join(workspace, 'runs'))).toEqual([]);

  const { run } = await sweep([2], plain, ['random']);
  await engine.finished(run);
  await writeFile(join(folder, 'plain.jsonl'), items.split('\n').slice(1).join('\n'));
  await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject({ code: 'changed-since' });
  await engine.call('runs.remove', { run });
});

test('an adaptive sweep ends with neighbouring counts, one safe and one not', async () => {
  const { engine } = await openWatched();
  const {
    model,
    tasks: [french],
  } = await bundled(engine, 'uncurl-16', 'french');
  if (french === undefined) throw new Error('french is bundled');
  // Too few items for a verdict.
  const few = join(await temporaryFolder(), 'capital');
  await cp(join(resources, 'tasks', 'capital'), few, { recursive: true });
  const items = (await readFile(join(few, 'test.jsonl'), 'utf8')).split('\n').slice(0, 73);
  await writeFile(join(few, 'test.jsonl'), `${items.join('\n')}\n`);
  const tasks = [french, engine.grantPath(few)];
  const { run } = await engine.call('sweep.start', {
    models: [model],
    tasks,
    settings: { methods: ['frequency'], factors: [1, 2], adaptive: true },
  });
  await engine.finished(run);
  const { thresholds, results, notes } = await engine.call('sweep.read', { run });
  const ofFrench = thresholds.find(({ task }) => task === 'french');
  expect(ofFrench?.verdict === 'found' || ofFrench?.verdict === 'none-safe').toBe(true);
  expect(16 / (ofFrench?.lastSafe ?? 0) - 16 / (ofFrench?.firstUnsafe ?? 0)).toBeCloseTo(1);
  const measured = results.filter(({ task }) => task === 'french').map(({ kept }) => kept);
  for (let kept = 16 / (ofFrench?.lastSafe ?? 0); kept < 16; kept += 1) expect(measured).toContain(kept);
  expect(notes?.join(' ')).toContain('confirmed by testing every larger count from the largest down');
  expect(notes).toContain('capital: too few items to tell a threshold, so nothing was bisected.');
  expect(results.filter(({ task }) => task === 'capital')).toHaveLength(2);
});

test('a chat template prints the date on which the run was made, whenever the run continues', async () => {
  const folder = join(await temporaryFolder(), 'dated');
  await cp(join(resources, 'models/uncurl-8'), folder, { recursive: true });
  const template = "{{ strftime_now('%Y-%m-%d') }} {% for m in messages %}{{ m.content }}{% endfor %}";
  await writeFile(join(folder, 'chat_template.jinja'), template);
  const day = (number: number) => ({ now: () => Date.UTC(2026, 0, number, 12) });
  const { engine, workspace } = await openWatched(undefined, day(1));
  const { tasks } = await bundled(engine, 'uncurl-8', 'add');
  const { run } = await engine.call('sweep.start', {
    models: [engine.grantPath(folder)],
    tasks,
    later: true,
    settings: { methods: ['random'], factors: [2], seeds: [0], limit: 4, chat: true },
  });
  const order = {
    share: { kind: 'until-empty' } as const,
    task: null,
    say: () => undefined,
    signal: new AbortController().signal,
  };
  const { engine: worker } = await openWatched(workspace, day(2));
  expect(await worker.fillSteps(run, order)).toMatchObject({ parts: 2, computed: 2 });
  const { engine: joining } = await openWatched(workspace, day(3));
  await joining.call('jobs.resume', { run });
  await joining.finished(run);
  expect((await joining.call('sweep.read', { run })).notes?.at(-1)).toBe('0 of 2 steps computed, 2 reused from disk.');
  const { run: reproduction } = await joining.call('run.reproduce', { run });
  await joining.finished(reproduction);
  const found = await readFile(join(workspace, 'runs', reproduction, 'reproduction.json'), 'utf8');
  expect(JSON.parse(found)).toMatchObject({ of: run, matches: true, largestScoreDifference: 0 });
});
