import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openWorkspace } from '../../../../main/workspace/open-workspace.ts';
import { plainRun } from '../../contract/run-of.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

test('a run that two pages take over at once runs once, and the queue continues', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace);
  const model = engine.grantPath(join(resources, 'models', 'uncurl-8'));
  const task = engine.grantPath(join(resources, 'tasks', 'capital'));
  const settings = { methods: ['random'], factors: [2], limit: 10 };
  const { run } = await engine.call('sweep.start', { models: [model], tasks: [task], settings, later: true });
  const resumed = await Promise.allSettled([1, 2].map(() => engine.call('jobs.resume', { run, takeOver: true })));
  expect(resumed.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(resumed.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'already-running' } });
  expect(await engine.finished(run)).toMatchObject({ state: 'done' });
  const next = await engine.call('sweep.start', { models: [model], tasks: [task], settings });
  expect(await engine.finished(next.run)).toMatchObject({ state: 'done' });
});

test('resuming a missing run is refused by name', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace);
  await expect(engine.call('jobs.resume', { run: 'sweep-none' })).rejects.toMatchObject({
    code: 'no-such-run',
    kind: 'refused',
  });
});

test('a foreign sweep whose manifest lacks its settings is refused with an explanation by every call', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace);
  const { runs } = await openWorkspace(workspace);
  const { manifest, lock } = await runs.create('sweep', { ...plainRun, spec: { delta: 'much', candidates: 'all' } });
  await lock.release();
  const { id: run } = manifest;
  const refused = { code: 'bad-spec', kind: 'refused', message: expect.stringContaining(`The manifest of ${run} `) };
  const point = { model: 'm', task: 't', method: 'reap', seed: null, factor: 2 };
  await expect(engine.call('sweep.read', { run })).rejects.toMatchObject(refused);
  await expect(engine.call('sweep.sizeTrend', { run, delta: 0.02 })).rejects.toMatchObject(refused);
  await expect(engine.call('sweep.plan', { run, ...point })).rejects.toMatchObject(refused);
  await expect(engine.call('run.reproduce', { run })).rejects.toMatchObject(refused);
  await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject({ code: 'made-elsewhere' });
  const { code } = await engine.call('runs.origin', { run });
  await expect(engine.call('jobs.resume', { run, confirmed: { code } })).rejects.toMatchObject(refused);
});
