import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { stampModel } from '../../../main/checkpoint/model-sources.ts';
import { tensorInMemory } from '../../../main/checkpoint/write-safetensors.ts';
import { openModel } from '../../../main/inference/open-model-runner.ts';
import { type Computing, createModelPool, type ModelPool, readWeights } from '../../../main/jobs/source-gate.ts';
import { createStepStore } from '../../../main/workspace/step-store.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const model = fileURLToPath(new URL('../../../resources/models/uncurl-16', import.meta.url));

/** Modification time of all copied files, in seconds since 1970. */
const WRITTEN = 1_700_000_000;

/** Copies of a model. */
const copies = async (...names: readonly string[]): Promise<readonly Checkpoint[]> => {
  const folder = await temporaryFolder();
  return Promise.all(
    names.map(async (name) => {
      await cp(model, join(folder, name), { recursive: true });
      for (const file of await readdir(join(folder, name))) utimesSync(join(folder, name, file), WRITTEN, WRITTEN);
      return openCheckpoint(join(folder, name));
    }),
  );
};

const orderIn = (folder: string, sources: readonly Checkpoint[] = []) => ({
  sources,
  steps: createStepStore({ steps: join(folder, 'steps'), overlays: join(folder, 'overlays'), temporary: folder }),
  say: (): void => undefined,
});

test('keeps two models open, and fewer where memory says so; gives each back once', async () => {
  const folder = await temporaryFolder();
  const [a, b, c] = await copies('a', 'b', 'c');
  if (a === undefined || b === undefined || c === undefined) throw new Error('three models');
  const log: string[] = [];
  const poolWith = (memoryBudgetBytes: number): ModelPool =>
    createModelPool({ threads: 1, memoryBudgetBytes, scratchFolder: folder }, async (checkpoint, settings) => {
      log.push(`open ${checkpoint.name}`);
      const opened = await openModel(checkpoint, settings);
      const dispose = (): Promise<void> => {
        log.push(`close ${checkpoint.name}`);
        return opened.dispose();
      };
      return { ...opened, dispose };
    });
  const openAll = (pool: ModelPool, checkpoints: readonly Checkpoint[]): Promise<void> =>
    pool.compute(orderIn(folder), async ({ runners }) => {
      for (const checkpoint of checkpoints) await runners.open(checkpoint);
    });

  const roomy = poolWith(1e12);
  await openAll(roomy, [a, b, a, c, b]);
  await roomy.dispose();
  expect(log.splice(0)).toEqual(['open a', 'open b', 'close b', 'open c', 'close a', 'open b', 'close c', 'close b']);

  const tight = poolWith(1.5 * a.info.memory.resident);
  await openAll(tight, [a, a, b]);
  await tight.dispose();
  expect(log.splice(0)).toEqual(['open a', 'close a', 'open b', 'close b']);

  // Two that fill the memory to its last byte fit; one byte less is too little.
  const exact = a.info.memory.resident + b.info.memory.resident;
  for (const [budget, second] of [
    [exact, ['open b', 'close a']],
    [exact - 1, ['close a', 'open b']],
  ] as const) {
    const pool = poolWith(budget);
    await openAll(pool, [a, b]);
    await pool.dispose();
    expect(log.splice(0)).toEqual(['open a', ...second, 'close b']);
  }
});

const copy = async (): Promise<Checkpoint> => {
  const [checkpoint] = await copies('mine');
  if (checkpoint === undefined) throw new Error('a model');
  return checkpoint;
};

/** Writes other bytes for a moment, then restores bytes and modification time. */
const disturb = ({ folder }: Checkpoint, name = 'model.safetensors'): void => {
  const file = join(folder, name);
  const bytes = readFileSync(file);
  writeFileSync(file, Buffer.alloc(bytes.length, 32));
  writeFileSync(file, bytes);
  utimesSync(file, WRITTEN, WRITTEN);
};

const [jsonKey, overlayKey] = ['0'.repeat(64), '0'.repeat(32)];
const tensors = [tensorInMemory('a', 'F32', [1], Float32Array.of(1))];

/** Every way to keep a result, by name. */
const keeping: Readonly<Record<string, (computing: Computing) => Promise<unknown>>> = {
  'a JSON step': ({ steps }) => steps.writeJson(jsonKey, { value: 1 }),
  'a profile': ({ steps }) => steps.writeTensors(jsonKey, 'profile', { tensors }),
  'an overlay': ({ steps }) => steps.overlays.write(overlayKey, tensors),
  'an overlay, by its kind': ({ steps }) => steps.writeTensors(overlayKey, 'overlay', { tensors }),
  'an overlay of a store that tells': ({ steps }) => steps.telling(() => undefined).overlays.write(overlayKey, tensors),
  'a file of the run': ({ requireUnchanged }) => requireUnchanged(),
  nothing: () => Promise.resolve(),
};

test.each(Object.keys(keeping))('%s is not kept if the model changed, even if it was never opened', async (what) => {
  const [checkpoint, folder] = [await copy(), await temporaryFolder()];
  const pool = createModelPool({ threads: 1, memoryBudgetBytes: 1e12, scratchFolder: folder });
  const computing = pool.compute(orderIn(folder, [checkpoint]), async (own) => {
    disturb(checkpoint);
    await keeping[what]?.(own);
  });
  await expect(computing).rejects.toMatchObject({
    code: 'model-changed',
    message: expect.stringContaining('model.safetensors was touched'),
  });
  expect(await readdir(folder, { recursive: true })).toEqual([]);
});

test.each(['tokenizer.json', 'tokenizer_config.json', 'config.json'])(
  '%s is watched like the weights',
  async (name) => {
    const [checkpoint, folder] = [await copy(), await temporaryFolder()];
    const pool = createModelPool({ threads: 1, memoryBudgetBytes: 1e12, scratchFolder: folder });
    const computing = pool.compute(orderIn(folder, [checkpoint]), () => Promise.resolve(disturb(checkpoint, name)));
    await expect(computing).rejects.toMatchObject({ code: 'model-changed', message: expect.stringContaining(name) });
  },
);

test('a model that is opened later is watched from then on, and compared when its folder is deleted', async () => {
  const [checkpoint, folder] = [await copy(), await temporaryFolder()];
  const pool = createModelPool({ threads: 1, memoryBudgetBytes: 1e12, scratchFolder: folder });
  for (const way of ['shared', 'closed', 'alone'] as const) {
    const opened = await openCheckpoint(checkpoint.folder);
    const computing = pool.compute(orderIn(folder), async ({ runners }) => {
      const runner = way === 'alone' ? await runners.openAlone(opened) : await runners.open(opened);
      disturb(opened);
      if (way === 'alone') await runner.dispose();
      if (way === 'closed') await runners.close(opened);
    });
    await expect(computing).rejects.toMatchObject({ code: 'model-changed' });
  }
  await pool.dispose();
});

test('a change of the model explains any other error of the work', async () => {
  const [checkpoint, folder] = [await copy(), await temporaryFolder()];
  const pool = createModelPool({ threads: 1, memoryBudgetBytes: 1e12, scratchFolder: folder });
  const fail = (): Promise<never> => Promise.reject(new Error('a strange number'));
  await expect(pool.compute(orderIn(folder, [checkpoint]), fail)).rejects.toThrow('a strange number');
  const disturbed = pool.compute(orderIn(folder, [checkpoint]), () => {
    disturb(checkpoint);
    return fail();
  });
  await expect(disturbed).rejects.toMatchObject({ code: 'model-changed' });
});

test('bytes reveal a change that the file system does not: steps and overlays of the work are dropped', async () => {
  const [checkpoint, folder] = [await copy(), await temporaryFolder()];
  let { sources } = checkpoint;
  // Its files always look unchanged.
  const blind: Checkpoint = Object.create(checkpoint, { sources: { get: () => sources } });
  const pool = createModelPool({ threads: 1, memoryBudgetBytes: 1e12, scratchFolder: folder });
  const order = orderIn(folder, [blind]);
  await order.steps.writeJson('1'.repeat(64), { value: 'of another run' });
  const computing = pool.compute(order, async ({ steps, runners }) => {
    const runner = await runners.open(blind);
    await runner.forward([[1, 2, 3]], null, { signal: new AbortController().signal });
    for (const keep of ['a JSON step', 'a profile', 'an overlay'])
      await keeping[keep]?.({ steps, runners, requireUnchanged: () => Promise.resolve() });
    const file = join(checkpoint.folder, 'model.safetensors');
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.length >> 1);
    writeFileSync(file, bytes);
    sources = await stampModel(checkpoint.folder, ['model.safetensors']);
  });
  await expect(computing).rejects.toMatchObject({
    code: 'model-changed',
    message: expect.stringMatching(/contains other bytes than when it was mapped.*3 steps of this run/),
  });
  const [steps, overlays] = [order.steps, await readdir(join(folder, 'overlays'))];
  expect(overlays).toEqual([]);
  expect(await steps.readTensors(jsonKey, 'profile')).toBeNull();
  expect(await steps.readJson(jsonKey, z.unknown())).toBeNull();
  expect(await steps.readJson('1'.repeat(64), z.unknown())).toEqual({ value: 'of another run' });
});

test('weights read without running the model are returned only if the model did not change', async () => {
  const checkpoint = await copy();
  expect(await readWeights(checkpoint, () => Promise.resolve(7))).toBe(7);
  const reading = readWeights(checkpoint, () => Promise.resolve(disturb(checkpoint)));
  await expect(reading).rejects.toMatchObject({ code: 'model-changed' });
});
