import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { openModelRunner } from '../../open-model-runner.ts';
import { folderCost, measureSpeed, planPointCost } from '../../../main/jobs/point-cost.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const model = join(resources, 'models', 'uncurl-8');
const LIMIT_MS = 120_000;

test('the cost of a point: size, active parameters and cache of its model', async () => {
  const checkpoint = await openCheckpoint(model);
  const whole = folderCost(checkpoint);
  const { info, descriptor } = checkpoint;
  // Keys and values of every layer and head, four bytes each.
  const cache = descriptor.blocks.reduce(
    (sum, { attention }) =>
      sum + (attention?.kind === 'grouped' ? 2 * attention.keyValueHeads * attention.headDimension * 4 : NaN),
    0,
  );
  expect(whole).toEqual({
    bytes: info.sizeBytes,
    activeParameters: info.parameters.active,
    cacheBytesPerToken: cache,
  });
  const half = planPointCost(checkpoint, { kept: descriptor.moeLayers.map(() => [0, 1, 2, 3]) });
  expect(half.bytes).toBeLessThan(0.65 * whole.bytes);
  expect(half.cacheBytesPerToken).toBe(cache);
  // The router rows of four experts per layer are no longer used by a token.
  expect(whole.activeParameters - half.activeParameters).toBe(descriptor.moeLayers.length * 4 * info.hidden);
});

test('speeds are tokens over time, with a clock that advances at each reading', async () => {
  const runner = await openModelRunner(await openCheckpoint(model), {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder: await temporaryFolder(),
  });
  onTestFinished(() => runner.dispose());
  let ticks = 0;
  const speed = await measureSpeed(runner, new AbortController().signal, () => (ticks += 10));
  // The clock is read at the start and after every token, 10 ms apart: the prompt takes 10 ms, and so does each written
  // token.
  expect(speed.decodeTokensPerSecond).toBeCloseTo(100, 9);
  expect(speed.promptTokensPerSecond % 100).toBeCloseTo(0, 9);
  expect(speed.promptTokensPerSecond).toBeGreaterThan(100);
  const stopped = AbortSignal.abort();
  await expect(measureSpeed(runner, stopped, () => 0)).rejects.toMatchObject({ code: 'cancelled' });
});

test(
  'a sweep reports costs of every point, and speeds where requested',
  async () => {
    const folder = await temporaryFolder();
    const engine = await openEngine(folder);
    const start = (settings: Readonly<Record<string, unknown>>) =>
      engine.call('sweep.start', {
        models: [engine.grantPath(model)],
        tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
        settings: sweepSettings.parse({ methods: ['random'], factors: [2], seeds: [0], limit: 5, ...settings }),
        candidates: [{ name: 'twin', folder: engine.grantPath(model) }],
      });
    const { run: plain } = await start({});
    await engine.finished(plain);
    const before = (await engine.call('sweep.read', { run: plain })).results;
    expect(before.map(({ cost }) => Object.keys(cost ?? {}).length)).toEqual([3, 3, 3]);
    const { run } = await start({ speed: true });
    await engine.finished(run);
    const { results } = await engine.call('sweep.read', { run });
    for (const { cost } of results) {
      expect(cost?.promptTokensPerSecond).toBeGreaterThan(0);
      expect(cost?.decodeTokensPerSecond).toBeGreaterThan(0);
    }
    const [unpruned, half, twin] = results;
    expect(twin?.cost).toEqual(unpruned?.cost);
    expect(half?.cost?.bytes).toBeLessThan(unpruned?.cost?.bytes ?? 0);
    const left = await readdir(folder, { recursive: true });
    expect(left.filter((name) => name.includes('timed'))).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a checkpoint beside the plans has no dropped share: its experts are not those of the profile',
  async () => {
    const engine = await openEngine();
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(model)],
      tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
      settings: sweepSettings.parse({ methods: ['frequency'], factors: [2], limit: 5 }),
      candidates: [{ name: 'twin', folder: engine.grantPath(model) }],
    });
    await engine.finished(run);
    const { results, check } = await engine.call('sweep.read', { run });
    expect(check).toMatchObject({ state: 'as-written', differing: [] });
    expect(results.map(({ method, droppedShare }) => [method, droppedShare])).toEqual([
      ['unpruned', 0],
      ['frequency', expect.closeTo(0.25, 0.25)],
      ['twin', undefined],
    ]);
  },
  LIMIT_MS,
);
