import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { finetuneSettings, type FinetuneSettings } from '../../../main/contract/finetune.ts';
import { BUNDLED_MIXTURE, bundledMixtureFile, readMixture } from '../../../main/finetune/mixture.ts';
import { evaluationRecord } from '../../../main/runs/evaluation-record.ts';
import type { JobContext } from '../../../main/jobs/job-context.ts';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';
import { runStep } from '../../../main/jobs/step.ts';
import { type TunedArms, tunedStep } from '../../../main/jobs/tuned-step.ts';
import { hashItems } from '../../../main/tasks/items.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { nothingRuns } from './nothing-runs.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

/** The input of an arm beside the model, and a store that records which keys were read and written. */
const subject = async (stored: readonly unknown[]) => {
  const workspace = await openWorkspace(await temporaryFolder());
  const task = await loadTask(join(resources, 'tasks', 'capital'));
  const keys: string[] = [];
  const context: JobContext = {
    ...workspace,
    steps: {
      ...workspace.steps,
      readJson: (key, schema) => {
        keys.push(key);
        return Promise.resolve(stored.length === 0 ? null : schema.parse(stored[keys.length - 1]));
      },
    },
    run: 'experiment-1',
    folder: workspace.path,
    madeAt: new Date(0),
    ...nothingRuns,
    numerics: { version: 1, runtime: 'none', provider: 'cpu', precision: 'float32' },
    memoryBudgetBytes: 0,
    signal: new AbortController().signal,
    meter: createProgressMeter({ run: 'experiment-1', kind: 'experiment', title: '' }, () => 0),
    now: () => 0,
    emit: () => undefined,
    requireRun: () => Promise.resolve(),
  };
  const arms: TunedArms = {
    mixture: await readMixture(bundledMixtureFile(resources), BUNDLED_MIXTURE),
    python: { path: 'python3', versions: {} },
    script: '',
    threads: 1,
    engineVersion: '1',
    machine: { threads: 1, memoryBudgetBytes: 0 },
  };
  return { task, keys, context, arms };
};

/** The keys that are read for the arm of a model as it was pretrained; all of them are stored. */
const keysOf = async (
  checkpoint: Checkpoint,
  settings: FinetuneSettings = finetuneSettings.parse({}),
  change: (arms: TunedArms) => TunedArms = (arms) => arms,
): Promise<readonly string[]> => {
  const { test: items } = await loadTask(join(resources, 'tasks', 'capital'));
  const { task, keys, context, arms } = await subject([
    { kind: 'tuned', training: { steps: 1, firstLoss: 1, lastLoss: 1 } },
    z.encode(evaluationRecord, {
      kind: 'evaluation',
      model: checkpoint,
      task: 'capital',
      items: hashItems(items),
      plan: null,
      outcomes: [],
    }),
  ]);
  const model = { name: 'uncurl-8', checkpoint };
  const order = { model, task: { name: 'capital', task }, items: task.test, twins: [], plan: null, settings, work: 1 };
  await runStep(context, await tunedStep(context, order, change(arms)));
  return keys;
};

test('the general stage and its mixture are part of the key; without that stage the key has neither', async () => {
  const checkpoint = await openCheckpoint(join(resources, 'models', 'uncurl-8'));
  const settings = finetuneSettings.parse({});
  const staged = finetuneSettings.parse({ stages: ['router', 'general', 'all'] });
  const otherMixture = (arms: TunedArms): TunedArms => ({
    ...arms,
    mixture: arms.mixture === null ? null : { ...arms.mixture, hash: 'other' },
  });
  const [plain] = await keysOf(checkpoint, settings);
  const keys = [
    plain,
    (await keysOf(checkpoint, staged))[0],
    (await keysOf(checkpoint, { ...staged, generalSteps: 601 }))[0],
    (await keysOf(checkpoint, { ...staged, generalRate: 0.5 }))[0],
    (await keysOf(checkpoint, staged, otherMixture))[0],
    (await keysOf(checkpoint, { ...settings, seed: 1 }))[0],
  ];
  expect(new Set(keys).size).toBe(keys.length);
  const idle = { ...settings, generalSteps: 601, distilSteps: 5, temperature: 2 };
  expect((await keysOf(checkpoint, idle, otherMixture))[0]).toBe(plain);
});

test('arms that were fine-tuned with different tokenizers have different keys', async () => {
  const folder = join(await temporaryFolder(), 'model');
  await cp(join(resources, 'models', 'uncurl-8'), folder, { recursive: true });
  const before = await openCheckpoint(folder);
  const tokenizer = await readFile(join(folder, 'tokenizer.json'), 'utf8');
  await writeFile(
    join(folder, 'tokenizer.json'),
    tokenizer
      .replace(/"1": (\d+)/, '"1": 0x')
      .replace(/"2": (\d+)/, '"1": $1')
      .replace('"1": 0x', `"2": ${/"1": (\d+)/.exec(tokenizer)?.[1] ?? ''}`),
  );
  const after = await openCheckpoint(folder);
  expect(after.fingerprint).toBe(before.fingerprint);
  const [first, second] = [await keysOf(before), await keysOf(after)];
  expect(first).toHaveLength(2);
  expect(first.filter((key) => second.includes(key))).toEqual([]);
  expect(await keysOf(before)).toEqual(first);
});
