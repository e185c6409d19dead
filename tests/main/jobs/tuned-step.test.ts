import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import { encodeEvaluation } from '../../../main/jobs/evaluation-record.ts';
import type { JobContext } from '../../../main/jobs/job-context.ts';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';
import { createRunnerCache } from '../../../main/jobs/runner-cache.ts';
import { type TunedArms, tunedStep } from '../../../main/jobs/tuned-step.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const nothingRuns = () => createRunnerCache(() => Promise.reject(new Error('no model is run here')), 0);

/** The keys under which the arm of a model as it was pretrained is looked for; whatever is asked for is there. */
const keysOf = async (checkpoint: Checkpoint): Promise<readonly string[]> => {
  const workspace = await openWorkspace(await temporaryFolder());
  const task = await loadTask(join(resources, 'tasks', 'capital'));
  const keys: string[] = [];
  const stored: readonly unknown[] = [
    { kind: 'tuned', training: { steps: 1, firstLoss: 1, lastLoss: 1 } },
    encodeEvaluation({ model: checkpoint, task: 'capital', plan: null, outcomes: [] }),
  ];
  const context: JobContext = {
    ...workspace,
    steps: {
      ...workspace.steps,
      readJson: (key, schema) => {
        keys.push(key);
        return Promise.resolve(schema.parse(stored[keys.length - 1]));
      },
    },
    run: 'experiment-1',
    folder: workspace.path,
    madeAt: new Date(0),
    runners: nothingRuns(),
    numerics: { version: 1, runtime: 'none', provider: 'cpu', precision: 'float32' },
    memoryBudgetBytes: 0,
    signal: new AbortController().signal,
    meter: createProgressMeter({ run: 'experiment-1', kind: 'experiment', title: '' }, () => 0),
    now: () => 0,
    emit: () => undefined,
    requireRun: () => Promise.resolve(),
  };
  const arms: TunedArms = {
    settings: finetuneSettings.parse({}),
    python: { path: 'python3', versions: {} },
    script: '',
    threads: 1,
    engineVersion: '1',
    exportSettings: { threads: 1, memoryBudgetBytes: 0, overlayFolder: workspace.overlayFolder },
    openRunners: nothingRuns,
  };
  const model = { name: 'uncurl-8', checkpoint };
  await tunedStep(context, { model, task: { name: 'capital', task }, items: task.test, plan: null, work: 1 }, arms);
  return keys;
};

test('an arm that was fine-tuned with one tokenizer is none of the same weights with another', async () => {
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
