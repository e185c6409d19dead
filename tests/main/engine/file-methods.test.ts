import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const model = join(resources, 'models', 'uncurl-8');
const LIMIT_MS = 120_000;

const start = (engine: Engine, settings: Readonly<Record<string, unknown>>): Promise<{ run: string }> =>
  engine.call('sweep.start', {
    models: [engine.grantPath(model)],
    tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
    settings: sweepSettings.parse({ factors: [2, 4], limit: 40, ...settings }),
    candidates: [],
  });

const ascending = Array.from({ length: 3 }, () => [0, 1, 2, 3, 4, 5, 6, 7]);
const uneven = {
  kept: [
    [0, 1, 2, 3, 4],
    [0, 1, 2],
    [5, 6, 7],
  ],
};
const files = {
  mine: { name: 'mine.json', text: JSON.stringify(ascending) },
  best: {
    name: 'best.json',
    text: JSON.stringify([
      uneven,
      {
        kept: [
          [0, 1],
          [0, 1],
          [0, 1],
        ],
      },
    ]),
  },
};

test(
  'files are methods of a sweep: a ranking at every factor, plans at their own; they can be compared and planned',
  async () => {
    const engine = await openEngine(await temporaryFolder());
    const { run } = await start(engine, { methods: ['frequency', 'mine', 'best'], files });
    const manifest = await engine.finished(run);
    expect(manifest.spec['files']).toEqual(files);
    const { results, thresholds, notes } = await engine.call('sweep.read', { run });
    const points = results.map(({ method, factor, seed }) => `${method} ${factor.toFixed(2)} ${String(seed)}`);
    expect(points.filter((point) => /^(?:mine|best)/.test(point)).sort()).toEqual([
      'best 2.18 null',
      'best 4.00 null',
      'mine 2.00 null',
      'mine 4.00 null',
    ]);
    // Both keep experts 0 and 1 of every layer at factor 4: one measurement under two names.
    const [one, other] = ['mine', 'best'].map((name) =>
      results.find(({ method, factor }) => method === name && factor === 4),
    );
    expect(one).toEqual({ ...other, method: 'mine' });
    expect(thresholds.map(({ method }) => method)).toEqual(expect.arrayContaining(['mine', 'best']));
    expect(notes).toEqual(
      expect.arrayContaining([
        'mine is the file mine.json, on every task alike.',
        'best is the file best.json, on every task alike: it is measured at the sizes of its plans only.',
      ]),
    );
    const named = { run, model: 'uncurl-8', task: 'add', seed: null };
    const { plan } = await engine.call('sweep.plan', { ...named, method: 'mine', factor: 2 });
    expect(plan).toMatchObject({ method: 'mine', tasks: ['add'], kept: Array.from({ length: 3 }, () => [0, 1, 2, 3]) });
    const other2 = await engine.call('sweep.plan', { ...named, method: 'best', factor: 24 / 11 });
    expect(other2).toMatchObject({ plan: { ...uneven, method: 'best' }, cost: { keptPerLayer: [5, 3, 3] } });
    const compared = await engine.call('sweep.compare', { run, model: 'uncurl-8', factor: 4, reference: 'frequency' });
    expect(compared.overview.map(({ method }) => method)).toEqual(expect.arrayContaining(['mine', 'frequency']));
  },
  LIMIT_MS,
);

test(
  'a file is recovered like any method',
  async () => {
    const engine = await openEngine(await temporaryFolder());
    const { run } = await start(engine, {
      methods: ['mine'],
      files: { mine: files.mine },
      factors: [4],
      recovery: 'only',
      limit: 10,
    });
    await engine.finished(run);
    const { results } = await engine.call('sweep.read', { run });
    expect(results.map(({ method }) => method)).toEqual(['unpruned', 'mine+recovery']);
    const named = { run, model: 'uncurl-8', task: 'add', seed: null, method: 'mine+recovery', factor: 4 };
    const { plan } = await engine.call('sweep.plan', named);
    expect(plan).toMatchObject({ method: 'mine', kept: Array.from({ length: 3 }, () => [0, 1]) });
    expect(plan.recovery?.tasks).toEqual(['add']);
  },
  LIMIT_MS,
);

test(
  'a ranking is bisected like any method, and a curve of plans is not',
  async () => {
    const engine = await openEngine(await temporaryFolder());
    const delta = 0.5;
    const { run } = await start(engine, { methods: ['mine', 'best'], files, factors: [1, 4], adaptive: true, delta });
    await engine.finished(run);
    const { results } = await engine.call('sweep.read', { run });
    expect(results.filter(({ method }) => method === 'best')).toHaveLength(2);
    expect(results.filter(({ method }) => method === 'mine').length).toBeGreaterThan(1);
  },
  LIMIT_MS,
);

test('refuses files that a sweep cannot measure, before a run is made', async () => {
  const engine = await openEngine(await temporaryFolder());
  const broken = { name: 'broken.json', text: '[[0, 1],\n[0, 0]]' };
  await expect(start(engine, { methods: ['mine'], files: { mine: broken } })).rejects.toMatchObject({
    code: 'ranking-invalid',
    message: expect.stringContaining('broken.json, line 2'),
  });
  const reap = files.mine;
  await expect(start(engine, { methods: ['reap'], files: { reap } })).rejects.toMatchObject({
    code: 'file-method-name',
  });
  await expect(start(engine, { methods: ['random'], files })).rejects.toMatchObject({ code: 'file-method-name' });
  await expect(start(engine, { methods: ['mine', 'best'], files, budget: 'global' })).rejects.toMatchObject({
    code: 'budget-needs-scores',
  });
  await expect(start(engine, { methods: ['mine', 'best'], files, options: { mine: { a: 1 } } })).rejects.toMatchObject({
    code: 'bad-option',
  });
  await expect(
    engine.call('sweep.start', {
      models: [engine.grantPath(model)],
      tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
      settings: sweepSettings.parse({ factors: [2], methods: ['mine', 'best'], files }),
      candidates: [{ name: 'best', folder: engine.grantPath(model) }],
    }),
  ).rejects.toMatchObject({ code: 'candidate-name' });
  expect(await engine.call('runs.list', {})).toEqual([]);
});
