import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { flipTensors, paddedModel } from '../checkpoint/padded-model.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

// Models above 64 MiB: earlier versions identified them by samples, between which these changes lie.

const task = fileURLToPath(new URL('../../../resources/tasks/capital', import.meta.url));

interface Asked {
  readonly model: string;
  readonly candidates?: Readonly<Record<string, string>>;
  readonly factors?: readonly number[];
}

const start = async (engine: Engine, { model, candidates = {}, factors = [1, 2] }: Asked): Promise<string> => {
  const { run } = await engine.call('sweep.start', {
    models: [engine.grantPath(model)],
    tasks: [engine.grantPath(task)],
    candidates: Object.entries(candidates).map(([name, folder]) => ({ name, folder: engine.grantPath(folder) })),
    settings: { methods: ['frequency'], factors: [...factors], limit: 24 },
  });
  return run;
};

/** Values by method and factor. */
const valuesOf = (results: readonly SweepResult[]): readonly string[] =>
  results.map(({ method, factor, value }) => `${method} ${String(factor)}: ${String(value)}`);

const sweep = async (engine: Engine, asked: Asked): Promise<readonly string[]> => {
  const run = await start(engine, asked);
  expect((await engine.finished(run)).error).toBeNull();
  return valuesOf((await engine.call('sweep.read', { run })).results);
};

const routersAndExperts = /layers\.[12]\..*(?:gate|experts\.[02346]\.w2)\.weight$/;

test('a model with changed routers and experts has its own numbers, profile and plans', async () => {
  const [model, workspace] = [await paddedModel('uncurl-8'), await temporaryFolder()];
  const engine = await openEngine(workspace);
  const [handle, asked] = [engine.grantPath(model), engine.grantPath(task)];
  const before = await sweep(engine, { model });
  const id = (await engine.call('runs.list', {}))[0]?.id ?? '';
  const { plan } = await engine.call('sweep.plan', { run: id, model: 'uncurl-8', ...pointOf(2) });
  expect((await engine.call('export.measured', { model: handle, plan })).results).toHaveLength(1);
  await flipTensors(model, routersAndExperts);
  // Nothing that was measured is shown for the changed model, neither before nor after it is hashed.
  const shown = async (): Promise<unknown> => ({
    profiles: await engine.call('profile.read', { model: handle, tasks: [asked] }),
    measured: (await engine.call('export.measured', { model: handle, plan })).results,
  });
  expect(await shown()).toEqual({ profiles: [], measured: [] });
  await engine.call('models.open', { handle });
  expect((await engine.call('models.list', {})).find(({ path }) => path === model)?.fingerprint).toBeNull();
  await (await openCheckpoint(model)).content.identify();
  expect(await shown()).toEqual({ profiles: [], measured: [] });
  await expect(engine.call('jobs.resume', { run: id })).rejects.toMatchObject({ code: 'changed-since' });
  expect((await engine.call('runs.list', {})).map(({ state }) => state)).toEqual(['done']);

  const after = await sweep(engine, { model });
  expect(after).not.toEqual(before);
  expect(after).toEqual(await sweep(await openEngine(), { model }));
  const manifests = await engine.call('runs.list', {});
  expect(new Set(manifests.map(({ models: [recorded] }) => recorded?.sha256)).size).toBe(2);

  await flipTensors(model, routersAndExperts);
  expect(await sweep(await openEngine(workspace), { model })).toEqual(before);
});

const pointOf = (factor: number) => ({ task: 'capital', method: 'frequency', seed: null, factor });

test('a candidate folder whose router was trained has not the numbers of the model that it was made of', async () => {
  const model = await paddedModel('uncurl-8');
  const trained = join(await temporaryFolder(), 'trained');
  await cp(model, trained, { recursive: true });
  await flipTensors(trained, /layers\.[12]\..*gate\.weight$/);
  const engine = await openEngine();
  const both = await sweep(engine, { model, factors: [1], candidates: { trained, same: model } });
  const [unpruned] = both;
  const valueOf = (method: string): string | undefined =>
    both.find((text) => text.startsWith(`${method} `))?.replace(`${method} `, 'unpruned ');
  expect(valueOf('same')).toBe(unpruned);
  expect(valueOf('trained')).toBe((await sweep(await openEngine(), { model: trained, factors: [1] }))[0]);
  expect(valueOf('trained')).not.toBe(unpruned);
});

const recorded = z.object({ models: z.array(z.looseObject({ fingerprint: z.string(), sha256: z.string() })) });

test('an interrupted run is not continued with a changed model, and finishes with the restored one', async () => {
  const [model, workspace] = [await paddedModel('uncurl-8'), await temporaryFolder()];
  const right = await sweep(await openEngine(), { model });
  const first = await openEngine(workspace);
  const hashed = new Promise<void>((resolve) => {
    first.subscribe((event) => {
      if (event.type === 'profile.ready') resolve();
    });
  });
  const run = await start(first, { model });
  await hashed;
  await first.dispose();
  // The manifest names the model by the hash of all its files from the first step on.
  const manifest = recorded.parse(JSON.parse(await readFile(join(workspace, 'runs', run, 'manifest.json'), 'utf8')));
  const { identity, fingerprint } = await (await openCheckpoint(model)).content.identify();
  expect(manifest.models).toEqual([expect.objectContaining({ fingerprint, sha256: identity })]);

  await flipTensors(model, routersAndExperts);
  const engine = await openEngine(workspace);
  // Whether it is known at once that the model is another one, or only once it is hashed.
  const resumed = async (): Promise<void> => {
    await engine.call('jobs.resume', { run });
    await engine.finished(run);
  };
  await expect(resumed()).rejects.toMatchObject({ code: 'changed-since' });
  await flipTensors(model, routersAndExperts);
  await resumed();
  expect(valuesOf((await engine.call('sweep.read', { run })).results)).toEqual(right);
});
