import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MethodOptions, Plan, RefitName } from '../../../main/contract/plan.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import type { ModelRunner } from '../../../main/inference/model-runner.ts';
import { exportSettingsIn, type RunnerSettings } from '../../open-model-runner.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest } from '../export/export-settings.ts';
import { logitDifference, openRunner, uncancelled } from './open-runner.ts';
import { makePlan } from '../pruning/plan-of-input.ts';

const model = path.resolve('resources/models/uncurl-8');
const task = await loadTask(path.resolve('resources/tasks/add'));
const tokens = [
  [1, 5, 9, 14, 3, 2, 8],
  [4, 4, 20, 7],
];

/** Half of the experts of the smallest bundled model, and the same recovered. */
const recovered = async (
  method: 'frequency' | 'uncurl',
  {
    items = 48,
    refit,
    options = {},
    ...tuning
  }: Partial<RunnerSettings> & {
    readonly items?: number;
    readonly refit?: RefitName;
    readonly options?: MethodOptions;
  } = {},
) => {
  const calibration = task.calibration.slice(0, items);
  const overlayFolder = await temporaryFolder();
  const runner = await openRunner(model, { overlayFolder, ...tuning });
  const { moeLayers: layers, experts, topK } = runner.checkpoint.info;
  const statistics = [await runner.profile(calibration, uncancelled)];
  const bare = makePlan({
    method,
    statistics,
    layers,
    experts,
    topK,
    keep: experts / 2,
    budget: 'uniform',
    pins: [],
    seed: 0,
    options,
  });
  return { runner, bare, overlayFolder, plan: await runner.recover(bare, calibration, ['add'], uncancelled, refit) };
};

const accuracy = (outcomes: readonly ItemOutcome[] | undefined): number =>
  (outcomes ?? []).reduce(
    (sum, outcome) => sum + (outcome.kind === 'choice' && outcome.chosen === outcome.answer ? 1 : 0),
    0,
  ) / (outcomes?.length ?? 1);

const evaluateBoth = (runner: ModelRunner, bare: Plan, plan: Plan): ReturnType<ModelRunner['evaluate']> =>
  runner.evaluate(
    task.test.slice(0, 120),
    [
      { key: 'bare', plan: bare },
      { key: 'recovered', plan },
    ],
    uncancelled,
  );

/** Exports the recovered plan, and expects its logits of the export, and not those of the bare plan. */
const expectExported = async (runner: ModelRunner, bare: Plan, plan: Plan, overlayFolder: string): Promise<void> => {
  const request = await exportRequest(model, plan);
  const { folder, verification } = await exportPlan({ ...request, settings: exportSettingsIn(overlayFolder) });
  expect(verification).toMatchObject({ ok: true, problems: [] });
  const logits = await (await openRunner(folder)).forward(tokens, null, uncancelled);
  expect(logitDifference(logits, await runner.forward(tokens, plan, uncancelled))).toBeLessThan(1e-5);
  expect(logitDifference(logits, await runner.forward(tokens, bare, uncancelled))).toBeGreaterThan(1e-3);
};

describe('recovery', () => {
  it('restores part of what dropping lost, and exports and verifies like any plan', async () => {
    const { runner, bare, plan, overlayFolder } = await recovered('frequency');
    expect(plan).toMatchObject({ ...bare, recovery: { tasks: ['add'], items: 48 } });
    const outcomes = await evaluateBoth(runner, bare, plan);
    expect(accuracy(outcomes.get('recovered'))).toBeGreaterThan(accuracy(outcomes.get('bare')) + 0.05);

    await expectExported(runner, bare, plan, overlayFolder);
  });

  it.each(['router', 'router+experts'] as const)(
    'refits the %s of a dropping plan, and exports and verifies it',
    async (refit) => {
      const { runner, bare, plan, overlayFolder } = await recovered('frequency', { refit });
      expect(plan).toMatchObject({ ...bare, recovery: { tasks: ['add'], items: 48, refit } });
      const { router, layers } = plan.recovery ?? expect.fail('no recovery');
      expect(router).toHaveLength(3);
      for (const { steps, heldOut, left } of router ?? []) {
        expect(steps).toBeGreaterThan(0);
        expect(heldOut).toBeLessThan(1);
        expect(left).toBeLessThan(1);
      }
      expect(layers).toHaveLength(refit === 'router' ? 0 : 3);
      expect((await readdir(overlayFolder)).filter((name) => name.includes('recovering'))).toEqual([]);
      const outcomes = await evaluateBoth(runner, bare, plan);
      // The router alone brings each layer nearer to the unpruned one, which need not improve the answers (here it does
      // not).
      if (refit === 'router+experts')
        expect(accuracy(outcomes.get('recovered'))).toBeGreaterThan(accuracy(outcomes.get('bare')) + 0.05);

      await expectExported(runner, bare, plan, overlayFolder);
    },
  );

  it.each(['reinitialised', 'reference-row'] as const)(
    'refits the router of a merge from a %s start',
    async (router) => {
      const { runner, bare, plan } = await recovered('uncurl', { refit: 'router', options: { router } });
      const outcomes = await evaluateBoth(runner, bare, plan);
      const gain = summarise('acc', outcomes.get('bare') ?? [], outcomes.get('recovered') ?? []);
      expect(gain.difference).toBeGreaterThan(0);
      // From random rows much is missing: the gain is certain. From the reference's rows less is.
      if (router === 'reinitialised') {
        expect(gain.low).toBeGreaterThan(0.05);
        expect(gain.p).toBeLessThan(1e-3);
      }
    },
  );

  it.each(['mapped-rows', 'summed-probabilities'] as const)('refits all rows of a merge under %s', async (router) => {
    const { runner, plan } = await recovered('uncurl', { refit: 'router', options: { router }, items: 16 });
    for (const { heldOut } of plan.recovery?.router ?? []) expect(heldOut).toBeLessThan(1);
    await expect(runner.forward(tokens, plan, uncancelled)).resolves.toHaveLength(2);
  });

  it('works on a merge', async () => {
    const { runner, bare, plan } = await recovered('uncurl');
    const outcomes = await evaluateBoth(runner, bare, plan);
    expect(accuracy(outcomes.get('recovered'))).toBeGreaterThan(accuracy(outcomes.get('bare')));
  });

  it('gives the same weights again, and the same logits by either solver to 1e-4', async () => {
    const few = { items: 3 };
    const [once, again, seidel] = [
      await recovered('frequency', few),
      await recovered('frequency', few),
      await recovered('frequency', { ...few, mostJointUnknowns: 1 }),
    ];
    expect(again.plan).toEqual(once.plan);
    expect(await readdir(again.overlayFolder)).toEqual(await readdir(once.overlayFolder));
    const [joint, iterated] = [
      await once.runner.forward(tokens, once.plan, uncancelled),
      await seidel.runner.forward(tokens, seidel.plan, uncancelled),
    ];
    expect(logitDifference(joint, iterated)).toBeLessThan(1e-4);
    expect(logitDifference(joint, await once.runner.forward(tokens, once.bare, uncancelled))).toBeGreaterThan(1e-3);
  });

  it('reports missing refitted weights', async () => {
    const { plan } = await recovered('frequency');
    const elsewhere = await openRunner(model);
    await expect(elsewhere.forward(tokens, plan, uncancelled)).rejects.toThrow('refitted weights');
    const { recovery: _, ...bare } = plan;
    const asked: Plan = bare;
    await expect(elsewhere.forward(tokens, asked, uncancelled)).resolves.toHaveLength(2);
  });
});
