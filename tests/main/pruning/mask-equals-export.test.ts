import path from 'node:path';
import { expect, it } from 'vitest';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { extraStatistics } from '../../../main/profile/routing-statistics.ts';
import { methodNamed, methodNames } from '../../../main/pruning/methods.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { exportRequest } from '../export/export-settings.ts';
import { logitDifference, openRunner, uncancelled } from '../inference/open-runner.ts';
import { makePlan } from './plan-of-input.ts';

const model = path.resolve('resources/models/uncurl-8');
const tokens = [[1, 5, 9, 14, 3, 2, 8], [4, 4, 20, 7], [2]];

it('a mask computes what the export computes, for every drop method', async () => {
  const task = await loadTask(path.resolve('resources/tasks/add'));
  const runner = await openRunner(model);
  const { moeLayers: layers, experts, topK } = runner.checkpoint.info;
  const statistics = [await runner.profile(task.calibration.slice(0, 40), uncancelled, extraStatistics)];
  const drops = methodNames.filter((name) => methodNamed(name).prepare({}).behaviour.kind === 'drop');
  expect(drops.length).toBeGreaterThanOrEqual(11);
  for (const method of drops) {
    // A threshold keeps different numbers per layer, which stock loaders cannot open, unless the minimum decides.
    const options = method === 'tsep' ? { beta: 100, minimum: 3 } : {};
    const plan = makePlan({
      method,
      options,
      statistics,
      layers,
      experts,
      topK,
      keep: 3,
      budget: 'uniform',
      pins: [],
      seed: 5,
    });
    const { folder, verification } = await exportPlan(await exportRequest(model, plan));
    expect(verification, method).toMatchObject({ ok: true, sameExperts: true, sameTensors: true });
    const exported = await openRunner(folder);
    expect(
      logitDifference(
        await exported.forward(tokens, null, uncancelled),
        await runner.forward(tokens, plan, uncancelled),
      ),
      method,
    ).toBeLessThan(1e-5);
  }
});
