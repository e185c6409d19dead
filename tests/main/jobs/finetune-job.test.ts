import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
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
  say({ event: 'start', steps: 1, device: 'cpu', versions: { environment: 'e1' } });
  writeFileSync(job.state + '/state', 'of another model');
  appendFileSync(job.model + '/config.json', ' ');
  say({ event: 'done', changed: 1, environment: 'e1' });
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
      python: () => Promise.resolve({ path: python, versions: { environment: 'e1' } }),
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

/** A fake Python and script: reports whether there was a state, leaves one and what it was told to, and dies. */
const DYING = `#!${process.execPath}
  const { createHash } = require('node:crypto');
  const { readFileSync, writeFileSync } = require('node:fs');
  const job = JSON.parse(readFileSync(process.argv[5], 'utf8'));
  const say = (event) => process.stdout.write(JSON.stringify(event) + '\\n');
  say({ event: 'start', steps: 9, device: 'cpu', versions: { environment: process.env.ENVIRONMENT ?? 'e1' } });
  const before = job.resume_file === null ? 0 : Number(readFileSync(job.state + '/' + job.resume_file, 'utf8'));
  if (before > 0) say({ event: 'resumed', done: before });
  for (const done of [before + 1, before + 2]) {
    const file = 'state-' + done + '.pt';
    writeFileSync(job.state + '/' + file, String(done));
    say({ event: 'saved', done, file, sha256: createHash('sha256').update(String(done)).digest('hex') });
  }
  writeFileSync(job.state + '/state-99.pt', '99');
  process.exitCode = 1;
`;

test.runIf(process.platform !== 'win32')(
  'a killed training goes on from its last sealed state, and from nothing that was changed meanwhile',
  async () => {
    const { input, context } = await subject();
    const folder = join(await temporaryFolder(), 'model');
    await cp(join(resources, 'models', 'uncurl-8'), folder, { recursive: true });
    const python = join(await temporaryFolder(), 'python');
    await writeFile(python, DYING, { mode: 0o755 });
    const problems: string[] = [];
    const steps = context.steps.telling((text) => problems.push(text));
    /** The step from which the training continued. */
    const train = async (changes: Partial<FinetuneInput> = {}, environment = 'e1'): Promise<number> => {
      const subjectOfJob = { run: 'run', kind: 'finetune', title: 'A job' } as const;
      const meter = createProgressMeter(subjectOfJob, Date.now);
      const job = finetuneJob({
        ...input,
        model: { name: 'mine', checkpoint: await openCheckpoint(folder) },
        python: () => Promise.resolve({ path: python, versions: { environment } }),
        freeBytes: () => Promise.resolve(null),
        ...changes,
      });
      vi.stubEnv('ENVIRONMENT', environment);
      await expect(job.work({ ...context, meter, steps })).rejects.toMatchObject({ code: 'training-failed' });
      vi.unstubAllEnvs();
      const { resume_file: file } = z
        .looseObject({ resume_file: z.string().nullable() })
        .parse(JSON.parse(await readFile(join(context.folder, 'training', 'job.json'), 'utf8')));
      expect(meter.reused).toBe(file === null ? 0 : 1);
      return file === null ? 0 : Number(/\d+/.exec(file)?.[0]);
    };
    const state = join(context.folder, 'training', 'state');
    const tries = [await train(), await train(), await train()];
    expect({ tries, problems }).toEqual({ tries: [0, 2, 4], problems: [] });
    expect(problems).toEqual([]);
    // The state that was not sealed in time stays until the next start, and is never continued from.
    expect((await readdir(state)).sort()).toEqual(['state-6.pt', 'state-99.pt']);

    const startsAgain = async (why: string, change: () => Promise<unknown>): Promise<void> => {
      await change();
      expect(await train(), why).toBe(0);
      expect(problems.splice(0), why).toEqual([expect.stringContaining(why)]);
      expect(await train(), why).toBe(2);
    };
    await startsAgain('was changed or damaged', () => writeFile(join(state, 'state-6.pt'), '7'));
    await startsAgain('was changed or damaged', () => rm(join(state, 'state-4.pt')));
    await startsAgain('its seal was changed', async () => {
      const seal = await readFile(`${state}.sealed.json`, 'utf8');
      const hash = createHash('sha256').update('7').digest('hex');
      await writeFile(join(state, 'state-4.pt'), '7');
      await writeFile(`${state}.sealed.json`, seal.replace(/(?<="state-4.pt":")[0-9a-f]{64}/, hash));
    });
    await startsAgain('before it had saved anything', () => rm(`${state}.sealed.json`));
    await startsAgain('are others now', async () => {
      const weights = join(folder, 'model.safetensors');
      const { atime, mtime } = await stat(weights);
      const bytes = await readFile(weights);
      await writeFile(weights, Buffer.alloc(bytes.length));
      await writeFile(weights, bytes);
      await utimes(weights, atime, mtime);
    });
    for (const [changes, environment] of [
      [{ settings: finetuneSettings.parse({ rate: 0.5 }) }, 'e1'],
      [{ threads: 2 }, 'e1'],
      [{ engineVersion: 'next' }, 'e1'],
      [{}, 'e2'],
    ] as const) {
      expect(await train(), 'before').toBeGreaterThan(-1);
      problems.splice(0);
      expect(await train(changes, environment), JSON.stringify(changes)).toBe(0);
      expect(problems.splice(0)).toEqual([expect.stringContaining('are others now')]);
    }
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
