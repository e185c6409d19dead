import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Engine } from '../../../../main/engine/engine.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

const started = (workspace: string): Promise<Engine> => openEngine(workspace, { threads: 2 });

/** The test items of a bundled task as an own file. */
const ownFile = async (folder: string, name = 'own.jsonl'): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, await readFile(join(resources, 'tasks', 'add', 'test.jsonl')));
  return file;
};

test('an own file is given a split, profiled, planned with and swept; the choice lasts, or is changed', async () => {
  const folder = await temporaryFolder();
  const workspace = join(folder, 'workspace');
  const engine = await started(workspace);
  const file = await ownFile(folder);
  const opened = await engine.call('tasks.open', { handle: engine.grantPath(file) });
  expect([opened.items.calibration, opened.calibrated]).toEqual([0, undefined]);
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8')?.handle;
  if (model === undefined) throw new Error('nothing bundled');
  await expect(engine.call('profile.start', { model, tasks: [opened.handle] })).rejects.toMatchObject({
    code: 'no-calibration',
  });

  const choice = { from: 'split', share: 0.2, seed: 0 } as const;
  const before = await engine.call('tasks.tryCalibration', { handle: opened.handle, choice });
  expect(before).toEqual({ calibration: 60, test: 240, leftOut: 0, groups: null });
  expect((await engine.call('tasks.list', {})).some(({ calibrated }) => calibrated !== undefined)).toBe(false);
  const own = await engine.call('tasks.calibrate', { handle: opened.handle, choice });
  expect(own).toMatchObject({
    name: 'own',
    items: { calibration: 60, test: 240 },
    calibrated: { items: file, choice },
  });
  // It replaces the file in the list.
  const shelf = async (of: Engine) => (await of.call('tasks.list', {})).filter(({ bundled }) => !bundled);
  expect((await shelf(engine)).map(({ hash }) => hash)).toEqual([own.hash]);

  const tasks = [own.handle];
  await engine.finished((await engine.call('profile.start', { model, tasks })).run);
  const plan = { model, tasks, method: 'frequency', factor: 2 } as const;
  expect((await engine.call('plan.make', plan)).cost.keptPerLayer).toEqual([4, 4, 4]);
  const settings = { methods: ['frequency' as const], factors: [1, 2], limit: 40 };
  const { run } = await engine.call('sweep.start', { models: [model], tasks, settings });
  await engine.finished(run);
  const { results } = await engine.call('sweep.read', { run });
  expect(results.map(({ task, factor }) => [task, factor])).toContainEqual(['own', 2]);

  // After a restart the task keeps its choice, and the run finds it.
  await engine.dispose();
  const next = await started(workspace);
  expect((await shelf(next)).map(({ hash, calibrated }) => [hash, calibrated?.choice])).toEqual([[own.hash, choice]]);
  await next.call('outcomes.read', { run, model: 'uncurl-8', task: 'own', method: 'frequency', seed: null, factor: 2 });

  const other = { from: 'split', share: 0.5, seed: 7 } as const;
  const changed = await next.call('tasks.calibrate', { handle: own.handle, choice: other });
  expect(changed).toMatchObject({ items: { calibration: 150, test: 150 }, calibrated: { items: file, choice: other } });
  expect(changed.hash).not.toBe(own.hash);
  expect((await shelf(next)).map(({ hash }) => hash)).toEqual([changed.hash]);
  await next.call('outcomes.read', { run, model: 'uncurl-8', task: 'own', method: 'frequency', seed: null, factor: 2 });
});

test('an own file with chosen calibration items keeps its name when its items can no longer be read', async () => {
  const folder = await temporaryFolder();
  const engine = await started(join(folder, 'workspace'));
  const file = await ownFile(folder);
  const { handle } = await engine.call('tasks.open', { handle: engine.grantPath(file) });
  await engine.call('tasks.calibrate', { handle, choice: { from: 'split', share: 0.2, seed: 0 } });
  await writeFile(file, 'no longer JSON');
  const own = (await engine.call('tasks.list', {})).filter(({ bundled }) => !bundled);
  expect(own).toMatchObject([{ name: 'own', title: 'own', error: expect.stringContaining('line 1: not JSON') }]);
});

test('a second file and the calibration of another task; the profile of that task serves', async () => {
  const folder = await temporaryFolder();
  const workspace = join(folder, 'workspace');
  const engine = await started(workspace);
  const handle = engine.grantPath(await ownFile(folder));
  const second = join(folder, 'second.jsonl');
  await writeFile(second, await readFile(join(resources, 'tasks', 'add', 'calibration.jsonl')));
  const file = engine.grantPath(second);
  const bundled = (await engine.call('tasks.list', {})).find(({ name }) => name === 'add');
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8')?.handle;
  if (bundled === undefined || model === undefined) throw new Error('nothing bundled');

  const ofFile = await engine.call('tasks.calibrate', { handle, choice: { from: 'file', file } });
  expect(ofFile.items).toEqual({ calibration: bundled.items.calibration, test: bundled.items.test });
  const choice = { from: 'task', task: bundled.handle } as const;
  const ofTask = await engine.call('tasks.calibrate', { handle, choice });
  expect(ofTask.calibrated?.choice).toEqual(choice);
  // The same items: the same task as the bundled folder, whatever its name.
  expect([ofFile.hash, ofTask.hash]).toEqual([bundled.hash, bundled.hash]);
  expect(await readFile(ofTask.path, 'utf8')).toContain('"bundled:add"');
  await engine.finished((await engine.call('profile.start', { model, tasks: [bundled.handle] })).run);
  expect(await engine.call('profile.read', { model, tasks: [ofTask.handle] })).toHaveLength(1);

  await expect(engine.call('tasks.calibrate', { handle: bundled.handle, choice })).rejects.toMatchObject({
    code: 'has-calibration',
    kind: 'refused',
  });
});
