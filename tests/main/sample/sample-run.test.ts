import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { CHECKSUM_FILE, checksumList, fileChecksum } from '../../../main/files/checksums.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { addSample, offerSample, SAMPLE_RUN } from '../../../main/sample/sample-run.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const emptyWorkspace = async (): Promise<Workspace> => openWorkspace(join(await temporaryFolder(), 'workspace'));
const runsOf = async ({ runs }: Workspace): Promise<readonly string[]> => (await runs.list()).map(({ id }) => id);

const firstStart = async (
  workspace?: string,
): Promise<{ engine: Engine; events: EngineEvent[]; workspace: string }> => {
  const folder = workspace ?? join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(folder, { offerSample: true });
  const events: EngineEvent[] = [];
  engine.subscribe((event) => events.push(event));
  return { engine, events, workspace: folder };
};

test('a new workspace gets the sample once: removed, it does not come back', async () => {
  const workspace = await emptyWorkspace();
  await offerSample(workspace, resources);
  expect(await runsOf(workspace)).toEqual([SAMPLE_RUN]);
  await offerSample(workspace, resources);
  expect(await runsOf(workspace)).toEqual([SAMPLE_RUN]);
  await workspace.runs.remove(SAMPLE_RUN);
  await offerSample(workspace, resources);
  expect(await runsOf(workspace)).toEqual([]);
  expect(await readdir(workspace.temporaryFolder)).toEqual([]);
});

test('it is restored where its user asks for it', async () => {
  const workspace = await emptyWorkspace();
  await offerSample(workspace, resources);
  await workspace.runs.remove(SAMPLE_RUN);
  expect(await addSample(workspace, resources)).toBe(true);
  expect(await addSample(workspace, resources)).toBe(false);
  expect(await runsOf(workspace)).toEqual([SAMPLE_RUN]);
});

test('a workspace with runs is unchanged, also after they are removed', async () => {
  const workspace = await emptyWorkspace();
  await addSample(workspace, resources);
  const { manifest, lock } = await workspace.runs.create('profile', {
    ...(await workspace.runs.read(SAMPLE_RUN)),
    title: 'mine',
  });
  await lock.release();
  await workspace.runs.remove(SAMPLE_RUN);
  await offerSample(workspace, resources);
  expect(await runsOf(workspace)).toEqual([manifest.id]);
  await workspace.runs.remove(manifest.id);
  await offerSample(workspace, resources);
  expect(await runsOf(workspace)).toEqual([]);
});

test('engines that start at once in one new workspace create one complete sample', async () => {
  const workspace = await emptyWorkspace();
  await Promise.all(Array.from({ length: 4 }, () => offerSample(workspace, resources)));
  expect(await runsOf(workspace)).toEqual([SAMPLE_RUN]);
  expect(await readdir(workspace.runs.folder(SAMPLE_RUN))).toEqual(
    expect.arrayContaining(['manifest.json', 'outcomes.parquet', 'plans.json', 'points.json', 'results.json']),
  );
  expect(await readdir(workspace.temporaryFolder)).toEqual([]);
});

test('a package without a sample adds nothing, and reports it where the sample is requested', async () => {
  const [workspace, bare] = [await emptyWorkspace(), await temporaryFolder()];
  await mkdir(join(bare, 'sample'));
  await offerSample(workspace, bare);
  expect(await runsOf(workspace)).toEqual([]);
  await expect(addSample(workspace, bare)).rejects.toMatchObject({ code: 'no-sample', kind: 'refused' });
});

test('the first start shows heatmaps, curves, thresholds, plans and findings without computing anything', async () => {
  const { engine, events } = await firstStart();
  const [run] = await engine.call('runs.list', {});
  expect(run).toMatchObject({ id: SAMPLE_RUN, sample: true, state: 'done' });
  const models = await engine.call('models.list', {});
  const swept = new Set(run?.tasks.map(({ name }) => name));
  const tasks = (await engine.call('tasks.list', {})).filter(({ name }) => swept.has(name));
  expect(tasks).toHaveLength(18);
  for (const { name, handle } of models.filter((model) =>
    run?.models.some(({ fingerprint }) => fingerprint === model.fingerprint),
  )) {
    const profiles = await engine.call('profile.read', { model: handle, tasks: tasks.map((task) => task.handle) });
    expect(
      profiles.map(({ task }) => task),
      name,
    ).toEqual(tasks.map((task) => task.name));
  }
  expect(events.filter(({ type }) => type === 'profile.ready').length).toBeLessThanOrEqual(
    models.length * tasks.length,
  );

  const document = await engine.call('sweep.read', { run: SAMPLE_RUN });
  expect(document.thresholds.length).toBeGreaterThan(0);
  for (const method of ['unpruned', 'random', 'uncurl']) {
    const { model, task, seed, factor, kept } =
      document.results.find((result) => result.method === method) ?? document.results[0] ?? expect.fail('no results');
    const { plan, cost } = await engine.call('sweep.plan', { run: SAMPLE_RUN, model, task, method, seed, factor });
    expect(cost.keptPerLayer).toEqual(cost.keptPerLayer.map(() => kept));
    expect('groups' in plan).toBe(method === 'uncurl');
  }
  const sizeTrend = await engine.call('sweep.sizeTrend', { run: SAMPLE_RUN });
  expect(sizeTrend.models).toHaveLength(run?.models.length ?? 0);
  expect(sizeTrend.pairs.length).toBeGreaterThan(0);
  expect((await engine.call('report.make', { run: SAMPLE_RUN })).html).toContain('uncurl-16');
  expect(await engine.call('jobs.list', {})).toEqual([]);
});

test('a damaged profile of the sample is reported where it is missed, and hides no other', async () => {
  const workspace = await emptyWorkspace();
  await offerSample(workspace, resources);
  await writeFile(join(workspace.runs.folder(SAMPLE_RUN), 'profile-uncurl-16.safetensors'), 'torn');
  const { engine } = await firstStart(workspace.path);
  const models = await engine.call('models.list', {});
  const [run] = await engine.call('runs.list', {});
  const swept = new Set(run?.tasks.map(({ name }) => name));
  const listed = await engine.call('tasks.list', {});
  const tasks = listed.filter(({ name }) => swept.has(name)).map(({ handle }) => handle);
  const read = async (wanted: string) =>
    engine.call('profile.read', {
      model: (models.find(({ name }) => name === wanted) ?? expect.fail(wanted)).handle,
      tasks,
    });
  await expect(read('uncurl-16')).rejects.toThrow('profile-uncurl-16.safetensors');
  expect(await read('uncurl-8')).toHaveLength(18);
});

test('its profiles are used for plans, and are restored at the next start where they are gone', async () => {
  const { engine, workspace } = await firstStart();
  const planOf = async (host: Engine): Promise<readonly number[]> => {
    const model = (await host.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
    const task = (await host.call('tasks.list', {})).find(({ name }) => name === 'add');
    if (model === undefined || task === undefined) throw new Error('nothing is bundled');
    return (await host.call('plan.make', { model: model.handle, tasks: [task.handle], method: 'uncurl', keep: 4 })).cost
      .keptPerLayer;
  };
  expect(await planOf(engine)).toEqual([4, 4, 4]);
  await engine.dispose();
  await rm(join(workspace, 'steps'), { recursive: true });
  expect(await planOf((await firstStart(workspace)).engine)).toEqual([4, 4, 4]);
});

test('profiles of a run that only has the name of the sample are not taken for its own', async () => {
  const { engine, workspace } = await firstStart();
  await engine.dispose();
  await rm(join(workspace, 'steps'), { recursive: true });
  // A stranger's: another title, and checksums that fit.
  const folder = join(workspace, 'runs', SAMPLE_RUN);
  const manifest = (await readFile(join(folder, 'manifest.json'), 'utf8')).replace('"title": "', '"title": "My ');
  await writeFile(join(folder, 'manifest.json'), manifest);
  const names = (await readdir(folder)).filter((name) => name !== CHECKSUM_FILE);
  const sums = await Promise.all(names.map(async (name) => [name, await fileChecksum(join(folder, name))] as const));
  await writeFile(join(folder, CHECKSUM_FILE), checksumList(new Map(sums)));
  const second = await firstStart(workspace);
  const model = (await second.engine.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
  const tasks = (await second.engine.call('tasks.list', {})).map(({ handle }) => handle);
  expect(model).toBeDefined();
  if (model !== undefined) expect(await second.engine.call('profile.read', { model: model.handle, tasks })).toEqual([]);
});
