import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const LIMIT_MS = 120_000;

const start = (engine: Engine, tasks: readonly string[], settings: Readonly<Record<string, unknown>>) =>
  engine.call('sweep.start', {
    models: [engine.grantPath(join(resources, 'models', 'uncurl-8'))],
    tasks: tasks.map((task) => engine.grantPath(join(resources, 'tasks', task))),
    settings: sweepSettings.parse({ factors: [2], limit: 40, ...settings }),
    candidates: [],
  });

const read = async (engine: Engine, tasks: readonly string[], settings: Readonly<Record<string, unknown>>) => {
  const { run } = await start(engine, tasks, settings);
  expect((await engine.finished(run)).error).toBeNull();
  return engine.call('sweep.read', { run });
};

test(
  'a plan made for one task gives on another the numbers of a sweep that reads it from a file',
  async () => {
    const engine = await openEngine();
    const tasks = ['add', 'german', 'add-written'];
    const plain = await read(engine, tasks, { methods: ['frequency', 'random'], seeds: [0] });
    const document = await read(engine, tasks, { methods: ['frequency', 'random'], seeds: [0], elsewhere: true });
    // The points of a sweep without it are the same.
    expect(document.results).toEqual(plain.results);
    const { elsewhere = [], run } = document;
    const rows = elsewhere.map(({ madeFor, result: { task, method } }) => [method, madeFor, task]);
    const others = tasks.flatMap((madeFor) =>
      ['frequency', 'random'].flatMap((method) =>
        tasks.filter((task) => task !== madeFor).map((task) => [method, madeFor, task]),
      ),
    );
    expect(rows).toHaveLength(others.length + tasks.length);
    expect(rows).toEqual(expect.arrayContaining([...others, ...tasks.map((task) => ['frequency', null, task])]));
    expect(document.notes).toContainEqual(expect.stringMatching(/^No plan was made for all tasks at once by random/));

    const named = { run, model: 'uncurl-8', task: 'add', method: 'frequency', seed: null, factor: 2 };
    const { plan } = await engine.call('sweep.plan', named);
    const files = { mine: { name: 'mine.json', text: JSON.stringify([plan]) } };
    // Another workspace, so that no step of the first one is read.
    const again = await read(await openEngine(), tasks, { methods: ['mine'], files });
    for (const task of ['german', 'add-written']) {
      const cell = elsewhere.find(
        ({ madeFor, result }) => madeFor === 'add' && result.task === task && result.method === 'frequency',
      );
      const alone = again.results.find((result) => result.task === task && result.method === 'mine');
      expect(cell?.result.lost).toBeGreaterThan(0);
      const { cost: _cost, droppedShare: _share, ...numbers } = alone ?? {};
      expect(cell?.result).toMatchObject({ ...numbers, method: 'frequency' });
    }
    // Random experts do not depend on the task, so they lose the same wherever they were made for.
    for (const { result } of elsewhere.filter((one) => one.result.method === 'random')) {
      const own = document.results.find(({ task, method }) => task === result.task && method === 'random');
      expect(result.difference).toBe(own?.difference);
    }
  },
  LIMIT_MS,
);

test('plans cannot be measured elsewhere without another task, or where they stop early', async () => {
  const engine = await openEngine();
  const settings = { methods: ['frequency'], elsewhere: true };
  await expect(start(engine, ['add'], settings)).rejects.toThrow('no other task to measure its plans on');
  await expect(start(engine, ['add', 'german'], { ...settings, stop: 'early' })).rejects.toThrow('on every item');
});
