import { cp, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import { type FinetuneInput, finetuneJob } from '../../../main/jobs/finetune-job.ts';
import type { JobContext } from '../../../main/jobs/job-context.ts';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { openEngine } from '../engine/open-engine.ts';
import { nothingRuns } from './nothing-runs.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const subject = async (): Promise<{
  readonly input: FinetuneInput;
  readonly context: JobContext;
  readonly parent: string;
  readonly asked: () => boolean;
}> => {
  const [parent, workspace] = [await temporaryFolder(), await openWorkspace(await temporaryFolder())];
  let asked = false;
  const input: FinetuneInput = {
    model: { name: 'uncurl-8', checkpoint: await openCheckpoint(join(resources, 'models', 'uncurl-8')) },
    tasks: [{ name: 'add', task: await loadTask(join(resources, 'tasks', 'add')) }],
    teacher: null,
    mixture: null,
    settings: finetuneSettings.parse({}),
    destination: join(parent, 'tuned'),
    python: () => {
      asked = true;
      return Promise.reject(new Error('Python is not to be asked'));
    },
    script: 'none',
    threads: 1,
    engineVersion: 'test',
  };
  const context: JobContext = {
    ...workspace,
    run: 'run',
    folder: await temporaryFolder(),
    madeAt: new Date(0),
    ...nothingRuns,
    numerics: { version: 1, runtime: 'none', provider: 'cpu', precision: 'float32' },
    memoryBudgetBytes: 0,
    signal: new AbortController().signal,
    meter: createProgressMeter({ run: 'run', kind: 'finetune', title: 'A job' }, Date.now),
    now: Date.now,
    emit: () => undefined,
    requireRun: () => Promise.resolve(),
  };
  return { input, context, parent, asked: () => asked };
};

test('a disk that is too full for the state, or for the weights, is refused before Python starts', async () => {
  const { input, context, parent, asked } = await subject();
  const stateBytes = input.model.checkpoint.info.parameters.total * 24;
  await expect(
    finetuneJob({ ...input, freeBytes: () => Promise.resolve(stateBytes - 1) }).work(context),
  ).rejects.toMatchObject({ code: 'disk-full', kind: 'refused', message: expect.stringContaining(context.folder) });
  const freeBytes = (folder: string): Promise<number> => Promise.resolve(folder === parent ? 1000 : 1e12);
  await expect(finetuneJob({ ...input, freeBytes }).work(context)).rejects.toMatchObject({
    code: 'disk-full',
    kind: 'refused',
    message: expect.stringContaining(parent),
  });
  expect([asked(), await readdir(parent)]).toEqual([false, []]);
});

test('an existing folder, and a path without a parent folder, are refused before Python starts', async () => {
  const { input, context, parent, asked } = await subject();
  await mkdir(join(parent, 'taken'));
  await writeFile(join(parent, 'file'), '');
  await expect(finetuneJob({ ...input, destination: join(parent, 'taken') }).work(context)).rejects.toMatchObject({
    code: 'destination-exists',
    kind: 'refused',
  });
  await expect(
    finetuneJob({ ...input, destination: join(parent, 'file', 'tuned') }).work(context),
  ).rejects.toMatchObject({
    kind: 'refused',
  });
  await expect(
    finetuneJob({ ...input, destination: join(parent, 'none', 'tuned') }).work(context),
  ).rejects.toMatchObject({
    code: 'no-folder',
    kind: 'refused',
  });
  expect(asked()).toBe(false);
});

/** A fake Python and script: reports a training, while another program writes to the model. */
const DISTURBED = `#!${process.execPath}
  const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
  const job = JSON.parse(readFileSync(process.argv[5], 'utf8'));
  const say = (event) => process.stdout.write(JSON.stringify(event) + '\\n');
  say({ event: 'start', steps: 1, device: 'cpu', versions: {} });
  writeFileSync(job.state + '/state', 'of another model');
  appendFileSync(job.model + '/config.json', ' ');
  say({ event: 'done', changed: 1 });
`;

test.runIf(process.platform !== 'win32')(
  'a model that changes while it is fine-tuned gives no tuned model, and no state to go on from',
  async () => {
    const { input, context, parent } = await subject();
    const folder = join(await temporaryFolder(), 'model');
    await cp(join(resources, 'models', 'uncurl-8'), folder, { recursive: true });
    const python = join(await temporaryFolder(), 'python');
    await writeFile(python, DISTURBED, { mode: 0o755 });
    const job = finetuneJob({
      ...input,
      model: { name: 'mine', checkpoint: await openCheckpoint(folder) },
      python: () => Promise.resolve({ path: python, versions: {} }),
      freeBytes: () => Promise.resolve(null),
    });
    await expect(job.work(context)).rejects.toMatchObject({
      code: 'model-changed',
      message: expect.stringContaining('changed while it was fine-tuned: config.json'),
    });
    expect(await readdir(parent)).toEqual([]);
    expect(await readdir(join(context.folder, 'training'))).toEqual(['job.json']);
  },
);

/** A fake Python and script: reports whether there was a state, leaves one, and dies. */
const DYING = `#!${process.execPath}
  const { existsSync, readFileSync, writeFileSync } = require('node:fs');
  const job = JSON.parse(readFileSync(process.argv[5], 'utf8'));
  const say = (event) => process.stdout.write(JSON.stringify(event) + '\\n');
  say({ event: 'start', steps: 2, device: 'cpu', versions: {} });
  if (existsSync(job.state + '/state.pt')) say({ event: 'resumed', done: 1 });
  writeFileSync(job.state + '/state.pt', 'half');
  process.exitCode = 1;
`;

test.runIf(process.platform !== 'win32')(
  'a killed training goes on from its state, but not where its model was touched meanwhile',
  async () => {
    const { input, context } = await subject();
    const folder = join(await temporaryFolder(), 'model');
    await cp(join(resources, 'models', 'uncurl-8'), folder, { recursive: true });
    const python = join(await temporaryFolder(), 'python');
    await writeFile(python, DYING, { mode: 0o755 });
    const problems: unknown[] = [];
    /** Whether the training continued from a state. */
    const train = async (): Promise<boolean> => {
      const subjectOfJob = { run: 'run', kind: 'finetune', title: 'A job' } as const;
      const meter = createProgressMeter(subjectOfJob, Date.now);
      const job = finetuneJob({
        ...input,
        model: { name: 'mine', checkpoint: await openCheckpoint(folder) },
        python: () => Promise.resolve({ path: python, versions: {} }),
        freeBytes: () => Promise.resolve(null),
      });
      const emit: JobContext['emit'] = (event) => event.type === 'job.problem' && problems.push(event.text);
      await expect(job.work({ ...context, meter, emit })).rejects.toMatchObject({ code: 'training-failed' });
      return meter.reused > 0;
    };
    expect([await train(), await train()]).toEqual([false, true]);
    const weights = join(folder, 'model.safetensors');
    const { atime, mtime } = await stat(weights);
    const bytes = await readFile(weights);
    await writeFile(weights, Buffer.alloc(bytes.length));
    await writeFile(weights, bytes);
    await utimes(weights, atime, mtime);
    expect(problems).toEqual([]);
    expect([await train(), await train()]).toEqual([false, true]);
    expect(problems).toEqual([expect.stringContaining('mine was touched since its training was interrupted')]);
  },
);

test('no run is made where there is no Python', async () => {
  const [workspace, parent] = [await temporaryFolder(), await temporaryFolder()];
  const engine = await openEngine(workspace);
  const request = {
    model: engine.grantPath(join(resources, 'models', 'uncurl-8')),
    tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
    settings: finetuneSettings.parse({}),
    into: engine.grantPath(parent),
    name: 'tuned',
  };
  await expect(engine.call('finetune.start', request)).rejects.toMatchObject({
    code: 'no-python',
    remedy: expect.stringContaining('uncurl doctor --python'),
  });
  await expect(
    engine.call('finetune.start', { ...request, python: engine.grantPath(join(parent, 'python')) }),
  ).rejects.toMatchObject({ code: 'no-python' });
  expect(await engine.call('runs.list', {})).toEqual([]);
});
