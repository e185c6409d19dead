import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { CallOutput } from '../../../main/contract/calls.ts';
import { type ModelEntry, type PathHandle, shortHash } from '../../../main/contract/model.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { editTensors } from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

/** An engine that remembers copies of a bundled model and a bundled task, which the test may change and move. */
const openWithCopies = async (): Promise<{ engine: Engine; folder: string; model: ModelEntry; task: PathHandle }> => {
  const folder = await temporaryFolder();
  const engine = await openEngine(join(folder, 'workspace'));
  await cp(join(resources, 'models', 'uncurl-8'), join(folder, 'mine'), { recursive: true });
  await cp(join(resources, 'tasks', 'capital'), join(folder, 'quiz'), { recursive: true });
  const model = await engine.call('models.open', { handle: engine.grantPath(join(folder, 'mine')) });
  const task = await engine.call('tasks.open', { handle: engine.grantPath(join(folder, 'quiz')) });
  return { engine, folder, model, task: task.handle };
};

const listed = async (engine: Engine, path: string): Promise<ModelEntry | undefined> =>
  (await engine.call('models.list', {})).find((entry) => entry.path === path);

/** Another model of the same shape: one weight differs. */
const changeWeights = (folder: string): Promise<void> =>
  editTensors(join(folder, 'model.safetensors'), (tensors) => {
    const [first] = tensors.values();
    if (first !== undefined) first.bytes[0]! ^= 1;
  });

const dropFirstItem = async (task: string): Promise<void> => {
  const file = join(task, 'test.jsonl');
  await writeFile(file, (await readFile(file, 'utf8')).split('\n').slice(1).join('\n'));
};

const sweep = async (engine: Engine, model: PathHandle, task: PathHandle): Promise<string> => {
  const { run } = await engine.call('sweep.start', {
    models: [model],
    tasks: [task],
    settings: { methods: ['frequency'], factors: [1, 2], limit: 20 },
  });
  await engine.finished(run);
  return run;
};

test('a missing model folder is reported, across a restart, until it is located or removed', async () => {
  const { engine, folder, model } = await openWithCopies();
  const [before, after] = [join(folder, 'mine'), join(folder, 'elsewhere')];
  await rename(before, after);
  const restarted = await openEngine(join(folder, 'workspace'));
  expect(await listed(restarted, before)).toMatchObject({
    handle: model.handle,
    name: 'mine',
    info: null,
    fingerprint: null,
    missing: { fingerprint: model.fingerprint },
    error: `Moved or deleted: ${before}. Locate it, or forget it.`,
  });
  expect((await listed(engine, before))?.missing).toEqual({ fingerprint: model.fingerprint });

  await cp(join(resources, 'models', 'uncurl-16'), join(folder, 'other'), { recursive: true });
  const other = restarted.grantPath(join(folder, 'other'));
  await expect(restarted.call('models.locate', { handle: model.handle, at: other })).rejects.toMatchObject({
    code: 'another-model',
    kind: 'refused',
  });
  await expect(restarted.call('models.locate', { handle: model.handle, at: other })).rejects.toThrow(
    new RegExp(
      `other contains another model than .*mine did \\(header hash ${shortHash(model.fingerprint ?? '')} then, ` +
        `[0-9a-f]{8} now\\)`,
    ),
  );
  await expect(
    restarted.call('models.locate', { handle: model.handle, at: restarted.grantPath(folder) }),
  ).rejects.toMatchObject({ code: 'no-model' });
  await expect(restarted.call('models.locate', { handle: other, at: other })).rejects.toMatchObject({
    code: 'not-remembered',
  });

  const located = await restarted.call('models.locate', { handle: model.handle, at: restarted.grantPath(after) });
  expect(located).toMatchObject({ path: after, name: 'elsewhere', fingerprint: model.fingerprint, error: null });
  expect(located).not.toHaveProperty('missing');
  expect(await listed(restarted, before)).toBeUndefined();
  expect(await listed(restarted, after)).toMatchObject({ error: null });

  await rm(after, { recursive: true });
  await restarted.call('models.forget', { handle: located.handle });
  expect(await listed(restarted, after)).toBeUndefined();
});

test(
  'a model remembered before its hash was recorded gets ' + 'one when it is listed, and cannot be located without',
  async () => {
    const folder = await temporaryFolder();
    const workspace = join(folder, 'workspace');
    await (await openEngine(workspace)).dispose();
    const [mine, lost] = [join(folder, 'mine'), join(folder, 'lost')];
    await cp(join(resources, 'models', 'uncurl-8'), mine, { recursive: true });
    await writeFile(join(workspace, 'library.json'), JSON.stringify({ models: [mine, lost], tasks: [] }));
    const engine = await openEngine(workspace);
    const { fingerprint } = (await listed(engine, mine)) ?? {};
    expect((await listed(engine, lost))?.missing).toEqual({ fingerprint: null });
    await expect(
      engine.call('models.locate', { handle: engine.grantPath(lost), at: engine.grantPath(mine) }),
    ).rejects.toMatchObject({ code: 'never-seen' });
    await rename(mine, join(folder, 'moved'));
    expect((await listed(engine, mine))?.missing).toEqual({ fingerprint });
  },
);

test('runs of a moved model and task continue if both are ' + 'remembered, and else name the missing one', async () => {
  const { engine, folder, model, task } = await openWithCopies();
  const run = await sweep(engine, model.handle, task);
  const point = { run, model: 'mine', task: 'capital', method: 'frequency', seed: null, factor: 2 };
  const { plan } = await engine.call('sweep.plan', point);
  await rename(join(folder, 'mine'), join(folder, 'elsewhere'));
  await rename(join(folder, 'quiz'), join(folder, 'moved-quiz'));
  await expect(engine.call('sweep.plan', point)).rejects.toMatchObject({
    code: 'moved',
    message: expect.stringMatching(/mine was moved or deleted/),
  });
  await engine.call('models.locate', { handle: model.handle, at: engine.grantPath(join(folder, 'elsewhere')) });
  expect((await engine.call('sweep.plan', point)).plan).toEqual(plan);
  await expect(engine.call('run.reproduce', { run })).rejects.toMatchObject({
    code: 'moved',
    message: expect.stringMatching(/quiz was moved or deleted: it was the task/),
  });
  expect((await engine.call('tasks.list', {})).find(({ path }) => path === join(folder, 'quiz'))?.error).toMatch(
    /^Moved or deleted: /,
  );
  await engine.call('tasks.open', { handle: engine.grantPath(join(folder, 'moved-quiz')) });
  const again = await engine.call('run.reproduce', { run });
  await engine.finished(again.run);
  expect(await engine.call('reproduction.read', { run: again.run })).toMatchObject({ matches: true });
});

test(
  'a model that changed since it was swept is said to have, and nothing is planned or exported from what was ' +
    'measured',
  async () => {
    const { engine, folder, model, task } = await openWithCopies();
    expect(model).not.toHaveProperty('changed');
    const run = await sweep(engine, model.handle, task);
    const point = { run, model: 'mine', task: 'capital', method: 'frequency', seed: null, factor: 2 };
    const { plan } = await engine.call('sweep.plan', point);
    expect(await listed(engine, model.path)).not.toHaveProperty('changed');

    await changeWeights(model.path);
    const now = await listed(engine, model.path);
    expect(now?.changed).toMatchObject({
      run,
      measured: 'swept',
      title: 'Sweep of mine on capital',
      hash: model.fingerprint,
    });
    const hashes = new RegExp(
      `\\(header hash ${shortHash(model.fingerprint ?? '')} then, ${shortHash(now?.fingerprint ?? '')} now\\)`,
    );
    const refusals: readonly [string, () => Promise<unknown>][] = [
      ['changed-since', () => engine.call('sweep.plan', point)],
      ['changed-since', () => engine.call('jobs.resume', { run })],
      ['changed-since', () => engine.call('run.reproduce', { run })],
      [
        'changed-since',
        () => engine.call('plan.make', { model: model.handle, tasks: [task], method: 'frequency', factor: 2 }),
      ],
      [
        'plan-other-model',
        () => engine.call('export.start', { model: model.handle, plan, into: engine.grantPath(folder), name: 'small' }),
      ],
      ['plan-other-model', () => engine.call('verify.start', { exported: model.handle, against: model.handle, plan })],
    ];
    for (const [code, refused] of refusals) {
      await expect(refused()).rejects.toMatchObject({ code, kind: 'refused' });
      await expect(refused()).rejects.toThrow(hashes);
    }
    expect((await engine.call('runs.list', {})).map(({ kind }) => kind)).toEqual(['sweep']);

    // New measurements are of the present model.
    await sweep(engine, model.handle, task);
    expect(await listed(engine, model.path)).not.toHaveProperty('changed');
  },
);

test('a changed task is reported, and its runs are not resumed', async () => {
  const { engine, folder, model, task } = await openWithCopies();
  const run = await sweep(engine, model.handle, task);
  const find = async (): Promise<CallOutput<'tasks.list'>[number] | undefined> =>
    (await engine.call('tasks.list', {})).find(({ handle }) => handle === task);
  const { hash } = (await find()) ?? {};
  expect(await find()).not.toHaveProperty('changed');
  await dropFirstItem(join(folder, 'quiz'));
  expect((await find())?.changed).toMatchObject({ run, measured: 'swept', hash });
  await expect(engine.call('jobs.resume', { run })).rejects.toThrow(
    new RegExp(
      `quiz has changed since this run \\(content hash ${shortHash(hash ?? '')} then, [0-9a-f]{8} now\\): it ` +
        `is now another task`,
    ),
  );
});
