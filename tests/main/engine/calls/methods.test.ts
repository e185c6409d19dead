import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathHandle } from '../../../../main/contract/model.ts';
import type { Engine } from '../../../../main/engine/engine.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { methodNames } from '../../../../main/pruning/methods.ts';
import { openEngine } from '../open-engine.ts';

interface Bench {
  readonly engine: Engine;
  readonly folder: string;
  readonly model: PathHandle;
  readonly tasks: PathHandle[];
}

/** An engine, the smallest bundled model, and the bundled task add. */
const openBench = async (): Promise<Bench> => {
  const folder = await temporaryFolder();
  const engine = await openEngine(join(folder, 'workspace'), { threads: 2 });
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8');
  const task = (await engine.call('tasks.list', {})).find(({ name }) => name === 'add');
  if (model === undefined || task === undefined) throw new Error('nothing bundled');
  return { engine, folder, model: model.handle, tasks: [task.handle] };
};

/** The bundled task add with fewer calibration items, which searches and refits read many times. */
const fewSums = async ({ engine, folder }: Bench): Promise<PathHandle> => {
  const own = join(folder, 'add');
  await cp('resources/tasks/add', own, { recursive: true });
  const file = join(own, 'calibration.jsonl');
  await writeFile(file, (await readFile(file, 'utf8')).split('\n').slice(0, 100).join('\n'));
  return engine.grantPath(own);
};

test('every method has a page, with its options and their defaults', async () => {
  const { engine } = await openBench();
  const pages = await engine.call('methods.list', {});
  expect(pages.map(({ name }) => name)).toEqual(methodNames);
  for (const { text, options, title, pitfalls } of pages) {
    expect(text).toContain(title);
    expect(pitfalls.length).toBeGreaterThan(0);
    for (const { name, kind, choices, default: usual } of options) {
      expect(text).toContain(`- ${name} (`);
      if (kind === 'choice') expect(choices).toContain(String(usual));
    }
  }
});

test('an unknown method is refused with the nearest name, in every call that names methods', async () => {
  const { engine, model, tasks } = await openBench();
  const refusal = { code: 'no-such-method', remedy: 'Did you mean "reap"?' };
  const settings = { methods: ['reap'], factors: [2] };
  const answers = await Promise.allSettled([
    engine.call('plan.make', { model, tasks, factor: 2, method: 'reapp' }),
    engine.call('profile.start', { model, tasks, methods: ['reapp'] }),
    engine.call('profile.start', { model, tasks, options: { reapp: {} } }),
    engine.call('sweep.start', { models: [model], tasks, settings: { ...settings, methods: ['reapp'] } }),
    engine.call('sweep.start', { models: [model], tasks, settings: { ...settings, options: { reapp: {} } } }),
  ]);
  expect(answers).toMatchObject(answers.map(() => ({ status: 'rejected', reason: refusal })));
  await expect(engine.call('plan.make', { model, tasks, factor: 2, method: 'Not a name' })).rejects.toThrow('hyphens');
});

test('a plan that needs more than routing says so, and is made once a profile contains it', async () => {
  const { engine, model, tasks } = await openBench();
  const request = { model, tasks, factor: 2 } as const;
  const bare = await engine.call('profile.start', { model, tasks });
  await engine.finished(bare.run);
  const frequency = await engine.call('plan.make', { ...request, method: 'frequency' });
  await expect(engine.call('plan.make', { ...request, method: 'easy-ep' })).rejects.toMatchObject({
    code: 'profile-missing',
    message: expect.stringContaining('how far layers turn tokens'),
  });
  await expect(engine.call('plan.make', { ...request, method: 'frequency', protect: 'all' })).rejects.toMatchObject({
    code: 'profile-missing',
  });
  await expect(engine.call('plan.make', { ...request, method: 'eep' })).rejects.toMatchObject({ code: 'needs-search' });

  const more = await engine.call('profile.start', { model, tasks, methods: ['easy-ep', 'hc-smoe'] });
  await engine.finished(more.run);
  expect((await engine.call('plan.make', { ...request, method: 'easy-ep' })).cost.keptPerLayer).toEqual([4, 4, 4]);
  await expect(engine.call('plan.make', { ...request, method: 'easy-ep' }, AbortSignal.abort())).rejects.toMatchObject({
    code: 'call-cancelled',
  });
  const complete = await engine.call('plan.make', { ...request, method: 'hc-smoe', options: { linkage: 'complete' } });
  expect(complete.plan).toMatchObject({ method: 'hc-smoe', options: { linkage: 'complete' } });
  expect(await engine.call('plan.make', { ...request, method: 'frequency' })).toEqual(frequency);
  const { plan } = await engine.call('plan.make', {
    model,
    tasks,
    method: 'frequency',
    budget: 'manual',
    counts: [2, 3, 4],
  });
  expect('kept' in plan && plan.kept.map(({ length }) => length)).toEqual([2, 3, 4]);
  await expect(
    engine.call('plan.make', { ...request, method: 'reap', options: { form: 'best' } }),
  ).rejects.toMatchObject({ code: 'bad-option', kind: 'refused' });
});

test('a profile for a plan contains what its options, budget and protection need', async () => {
  const { engine, model, tasks } = await openBench();
  const wish = {
    methods: ['ean' as const],
    options: { ean: { form: 'ca' } },
    budget: 'inverse-importance' as const,
    protect: 'all' as const,
  };
  const { run } = await engine.call('profile.start', { model, tasks, ...wish });
  await engine.finished(run);
  const { plan } = await engine.call('plan.make', {
    model,
    tasks,
    keep: 4,
    method: 'ean',
    options: { form: 'ca' },
    budget: 'inverse-importance',
    protect: 'all',
  });
  expect(plan).toMatchObject({ method: 'ean', budget: 'inverse-importance', protect: 'all' });
});

test('a plan or a ranking is read from text and checked against the model', async () => {
  const { engine, model, tasks } = await openBench();
  const made = await engine.call('plan.make', { model, tasks, method: 'random', keep: 4 });
  const back = await engine.call('plan.import', { model, name: 'plan.json', text: JSON.stringify(made.plan) });
  expect(back).toEqual({ ...made, kind: 'plan', notes: [] });
  const elsewhere = {
    ...made.plan,
    model: { name: 'other', fingerprint: 'f' },
    recovery: { weights: '0'.repeat(32), tasks: ['add'], items: 1, tokens: 1, layers: [] },
  };
  const strange = await engine.call('plan.import', { model, name: 'plan.json', text: JSON.stringify(elsewhere) });
  expect(strange.notes).toEqual([expect.stringContaining('made for other'), expect.stringContaining('add')]);

  const text = JSON.stringify({
    0: [7, 6, 5, 0, 1, 2, 3, 4],
    1: [0, 1, 2, 3, 4, 5, 6, 7],
    2: [3, 1, 0, 2, 4, 5, 6, 7],
  });
  const pins = [{ layer: 0, expert: 7, keep: false }];
  const ranked = await engine.call('plan.import', { model, name: 'ranking.json', text, keep: 2, pins });
  expect(ranked).toMatchObject({
    kind: 'ranking',
    plan: {
      method: 'ranking',
      kept: [
        [5, 6],
        [0, 1],
        [1, 3],
      ],
    },
    cost: { keptPerLayer: [2, 2, 2] },
  });
  expect((await engine.call('plan.import', { model, name: 'r', text, counts: [2, 3, 8] })).cost.keptPerLayer).toEqual([
    2, 3, 8,
  ]);
  await expect(engine.call('plan.import', { model, name: 'r', text })).rejects.toMatchObject({
    code: 'factor-or-keep',
  });
  await expect(engine.call('plan.import', { model, name: 'r.json', text: '{}', keep: 2 })).rejects.toMatchObject({
    message: expect.stringContaining('r.json'),
  });
  await expect(engine.call('plan.import', { model, name: 'p.json', text: '{"kept": [[0, 1]]}' })).rejects.toMatchObject(
    { code: 'plan-invalid' },
  );
});

test(
  'a sweep searches and refits; its recovered plans ' + 'export and verify, and a second sweep reuses everything',
  async () => {
    const bench = await openBench();
    const { engine, folder, model } = bench;
    const tasks = [await fewSums(bench)];
    const settings = {
      methods: ['frequency' as const, 'eep' as const, 'naee' as const],
      factors: [2],
      seeds: [0, 1],
      limit: 100,
      recovery: 'both' as const,
      options: { eep: { evaluations: 3 }, naee: { inputs: 'pruned' } },
    };
    const sweep = async (): Promise<Awaited<ReturnType<typeof engine.call<'sweep.read'>>>> => {
      const { run } = await engine.call('sweep.start', { models: [model], tasks, settings });
      await engine.finished(run);
      return engine.call('sweep.read', { run });
    };
    const document = await sweep();
    const points = document.results.map(({ method, seed }) => `${method} ${String(seed)}`);
    expect(points).toEqual([
      'unpruned null',
      'frequency null',
      'frequency+recovery null',
      'eep 0',
      'eep 1',
      'eep+recovery 0',
      'eep+recovery 1',
      'naee null',
      'naee+recovery null',
    ]);
    const value = (name: string): number => document.results.find(({ method }) => method === name)?.value ?? Number.NaN;
    expect(value('frequency+recovery')).toBeGreaterThan(value('frequency'));
    expect(document.notes).toContainEqual(
      expect.stringMatching(/^uncurl-8 on add: recovery is better than the same plan without it at \d of 4 points/),
    );
    expect(new Set(document.thresholds.map(({ method }) => method))).toEqual(
      new Set(['frequency', 'frequency+recovery', 'eep', 'eep+recovery', 'naee', 'naee+recovery']),
    );

    const point = { run: document.run, model: 'uncurl-8', task: 'add', seed: null, factor: 2 };
    const { plan } = await engine.call('sweep.plan', { ...point, method: 'frequency+recovery' });
    expect(plan).toMatchObject({ method: 'frequency', recovery: { tasks: ['add'] } });
    expect((await engine.call('sweep.plan', { ...point, method: 'frequency' })).plan).not.toHaveProperty('recovery');
    expect((await engine.call('sweep.plan', { ...point, method: 'naee' })).plan).toMatchObject({
      method: 'naee',
      options: { inputs: 'pruned' },
    });
    await mkdir(join(folder, 'exports'));
    const { run } = await engine.call('export.start', {
      model,
      plan,
      into: engine.grantPath(join(folder, 'exports')),
      name: 'small',
    });
    await engine.finished(run);
    expect(await engine.call('verify.read', { run })).toMatchObject({ ok: true, sameTensors: true });

    const again = await sweep();
    expect(again.results).toEqual(document.results);
    expect(again.notes?.at(-1)).toMatch(/^0 of \d+ steps computed/);
  },
);
