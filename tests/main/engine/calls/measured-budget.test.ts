import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isMergePlan, type Plan } from '../../../../main/contract/plan.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const keptOf = (plan: Plan): readonly number[] =>
  (isMergePlan(plan) ? plan.groups : plan.kept).map((layer) => layer.length);

test('a sweep prunes each layer alone first, and keeps as many experts in all; plans follow at once', async () => {
  const engine = await openEngine(join(await temporaryFolder(), 'workspace'), { threads: 2 });
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-16')?.handle;
  const task = (await engine.call('tasks.list', {})).find(({ name }) => name === 'add')?.handle;
  if (model === undefined || task === undefined) throw new Error('nothing bundled');
  const request = { model, tasks: [task], method: 'frequency', budget: 'measured' as const };
  const profile = await engine.call('profile.start', { model, tasks: [task] });
  await engine.finished(profile.run);
  await expect(engine.call('plan.make', { ...request, factor: 2 })).rejects.toMatchObject({
    code: 'layers-unmeasured',
    message: expect.stringContaining('were not yet pruned one by one on'),
  });

  const sweep = async (budget: 'uniform' | 'measured') => {
    const settings = { methods: ['frequency'], factors: [2, 4], budget, limit: 100 };
    const { run } = await engine.call('sweep.start', { models: [model], tasks: [task], settings });
    await engine.finished(run);
    const { results } = await engine.call('sweep.read', { run });
    const value = (factor: number): number => results.find((result) => result.factor === factor)?.value ?? NaN;
    return { run, values: [2, 4].map(value) };
  };
  const even = await sweep('uniform');
  const measured = await sweep('measured');
  // Half of the sums are lost with the same number of experts in each layer, and few with the measured numbers.
  expect(even.values[0]).toBeLessThan(0.7);
  expect(measured.values[0]).toBeGreaterThan(0.8);
  const point = { model: 'uncurl-16', task: 'add', method: 'frequency', seed: null };
  for (const factor of [2, 4]) {
    const { plan } = await engine.call('sweep.plan', { run: measured.run, ...point, factor });
    const kept = keptOf(plan);
    expect(kept.reduce((sum, count) => sum + count, 0)).toBe((16 / factor) * kept.length);
    expect(new Set(kept).size).toBeGreaterThan(1);
    expect((await engine.call('plan.make', { ...request, factor })).plan).toEqual(plan);
  }
  // Another method, or other options of it, has layers of its own.
  await expect(engine.call('plan.make', { ...request, method: 'reap', factor: 2 })).rejects.toMatchObject({
    code: 'layers-unmeasured',
  });
});
