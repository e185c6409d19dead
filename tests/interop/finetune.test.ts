import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import {
  finetuneManifest,
  finetuneSettings,
  type FinetuneSettings,
  finetuneStep,
} from '../../main/contract/finetune.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { createEngine, type Engine } from '../../main/engine/engine.ts';
import { bundledMixtureFile, readMixture } from '../../main/finetune/mixture.ts';
import { trainingSequences } from '../../main/finetune/training-sequences.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { startUncurl } from '../integration/run-uncurl.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { runPython } from './run-python.ts';

/** Fine-tuning with PyTorch and transformers: compared with plain PyTorch, killed, cancelled and resumed. */

const resources = fileURLToPath(new URL('../../resources', import.meta.url));
const model = path.join(resources, 'models', 'uncurl-8');
const control = { signal: new AbortController().signal };
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
const ITEMS = 24;
/** Ten steps, each over all items: four of the routers, six of all weights. */
const settings = finetuneSettings.parse({
  routerSteps: 4,
  epochs: 6,
  batch: ITEMS,
  rate: 1e-3,
  warmUp: 2,
  saveEvery: 3,
});
const STEPS = 10;

let work = '';
const inWork = (...parts: readonly string[]): string => path.join(work, ...parts);
const weightsOf = (name: string): Promise<Buffer> => readFile(inWork(name, 'model.safetensors'));

const openEngine = async (workspace: string): Promise<Engine> => {
  const engine = await createEngine({ workspace: inWork(workspace), resources, commandLine: 'test', threads: 1 });
  onTestFinished(() => engine.dispose());
  return engine;
};

const start = (
  engine: Engine,
  name: string,
  given: FinetuneSettings = settings,
  { of = model, teacher = null }: { readonly of?: string; readonly teacher?: string | null } = {},
): Promise<{ run: string }> =>
  engine.call('finetune.start', {
    model: engine.grantPath(of),
    teacher: teacher === null ? null : engine.grantPath(teacher),
    tasks: [engine.grantPath(inWork('few'))],
    settings: given,
    into: engine.grantPath(work),
    name,
    python: engine.grantPath(python),
  });

/** Names of the tensors that differ between two folders of one layout, sorted. */
const changedTensors = async (folder: string, other: string): Promise<readonly string[]> => {
  const [source, tuned] = [await openCheckpoint(folder), await openCheckpoint(other)];
  const [before, after] = await Promise.all(
    [folder, other].map((one) => readFile(path.join(one, 'model.safetensors'))),
  );
  return [...source.tensors]
    .flatMap(([name, { byteOffset, byteLength }]) => {
      const own = tuned.tensors.get(name) ?? expect.fail(name);
      const isSame = before
        ?.subarray(byteOffset, byteOffset + byteLength)
        .equals(after?.subarray(own.byteOffset, own.byteOffset + byteLength) ?? Buffer.alloc(0));
      return isSame === true ? [] : [name];
    })
    .sort();
};

/** Resolves when the run has completed this many steps. */
const steps = (engine: Engine, run: string, count: number): Promise<void> =>
  new Promise((resolve) => {
    const stop = engine.subscribe((event) => {
      if (
        event.type !== 'job.progress' ||
        event.progress.run !== run ||
        Number(/^Step (\d+)/.exec(event.progress.description)?.[1] ?? 0) < count
      )
        return;
      stop();
      resolve();
    });
  });

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-finetune-'));
  await mkdir(inWork('few'));
  const german = path.join(resources, 'tasks', 'german');
  await writeFile(inWork('few', 'task.json'), JSON.stringify({ name: 'few' }));
  for (const split of ['calibration', 'test']) {
    const lines = (await readFile(path.join(german, `${split}.jsonl`), 'utf8')).split('\n').slice(0, ITEMS);
    await writeFile(inWork('few', `${split}.jsonl`), `${lines.join('\n')}\n`);
  }
  // The reference: an uninterrupted training.
  const engine = await createEngine({
    workspace: inWork('whole-workspace'),
    resources,
    commandLine: 'test',
    threads: 1,
  });
  const { run } = await start(engine, 'whole');
  await engine.finished(run);
  await engine.dispose();
});
afterAll(() => rm(work, { recursive: true, force: true }));

test('losses of ten steps equal those of plain PyTorch within 1e-4', async () => {
  const tokenizer = (await loadTokenizer(model)) ?? expect.fail('uncurl-8 has a tokenizer');
  const sequences = trainingSequences([await loadTask(inWork('few'))], tokenizer, 64);
  const { rate, warmUp, balance, clip, weightDecay: decay, routerSteps, epochs: allSteps } = settings;
  const [plain] = await runPython(
    'finetune_losses.py',
    [{ model, sequences, routerSteps, allSteps, rate, warmUp, balance, clip, decay }],
    z.object({ losses: z.array(z.number()) }),
  );
  const lines = (await readFile(inWork('whole', 'losses.jsonl'), 'utf8')).trim().split('\n');
  const losses = lines.map((line) => finetuneStep.parse(JSON.parse(line)).loss);
  expect(losses).toHaveLength(STEPS);
  losses.forEach((loss, index) =>
    expect(Math.abs(loss - (plain?.losses[index] ?? NaN)), `step ${String(index + 1)}`).toBeLessThan(1e-4),
  );
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 0.05);
});

// With AVX-512, losses of the recorded trainings were up to 3e-4 away; with AVX2 at most 2e-7.
test.runIf(process.arch === 'x64')('PyTorch trains with AVX2, whatever wider registers the processor has', async () => {
  const code = 'import finetune, os, torch; print(torch.backends.cpu.get_cpu_capability(), os.environ["MKL_CBWR"])';
  const { stdout } = await promisify(execFile)(python, ['-c', code], {
    env: { PYTHONPATH: path.join(resources, 'finetune'), PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(stdout.trim()).toBe('AVX2 AVX2');
});

test('the general stage uses the batches of the recipe, also from the middle of its stream on', async () => {
  const { items } = await readMixture(bundledMixtureFile(resources), 'bundled');
  const groups: Record<string, (readonly [string, string])[]> = {};
  for (const { group, context, answer } of items) (groups[group] ??= []).push([context, answer]);
  const [found] = await runPython(
    'general_batches.py',
    [
      {
        finetune: path.join(resources, 'finetune'),
        training: path.join(resources, 'models', 'training'),
        groups,
        length: 64,
        steps: 5,
      },
    ],
    z.object({ different: z.number(), compared: z.number(), resumed: z.boolean() }),
  );
  expect(found).toEqual({ different: 0, compared: 5 * 48 * 63, resumed: true });
});

test('a training killed during its general stage resumes to the same weights', async () => {
  const staged = { ...settings, stages: ['router' as const, 'general' as const, 'all' as const], generalSteps: 5 };
  const engine = await openEngine('staged-workspace');
  const { run } = await start(engine, 'staged', staged);
  await engine.finished(run);
  const manifest = finetuneManifest.parse(JSON.parse(await readFile(inWork('staged', 'uncurl_finetune.json'), 'utf8')));
  expect(manifest).toMatchObject({ steps: STEPS + 5, mixture: { name: 'bundled', leftOut: 0 } });
  const lines = (await readFile(inWork('staged', 'losses.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => finetuneStep.parse(JSON.parse(line)).stage)).toEqual([
    ...Array.from({ length: 4 }, () => 'router'),
    ...Array.from({ length: 5 }, () => 'general'),
    ...Array.from({ length: 6 }, () => 'all'),
  ]);
  const again = await start(engine, 'staged-again', staged);
  // Its states are saved after the third and the sixth step; the general stage is steps five to nine.
  await steps(engine, again.run, 7);
  await engine.call('jobs.cancel', { run: again.run });
  await expect(engine.finished(again.run)).rejects.toMatchObject({ code: 'cancelled' });
  await engine.call('jobs.resume', { run: again.run });
  expect((await engine.finished(again.run)).state).toBe('done');
  expect((await weightsOf('staged-again')).equals(await weightsOf('staged'))).toBe(true);
  expect((await weightsOf('staged')).equals(await weightsOf('whole'))).toBe(false);
});

test('the tuned folder has the layout of its source with other numbers, and records its origin', async () => {
  const [source, tuned] = [await openCheckpoint(model), await openCheckpoint(inWork('whole'))];
  const layout = ({ tensors }: typeof source) =>
    [...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]).sort();
  expect(layout(tuned)).toEqual(layout(source));
  expect(tuned.fingerprint).not.toBe(source.fingerprint);
  const manifest = finetuneManifest.parse(JSON.parse(await readFile(inWork('whole', 'uncurl_finetune.json'), 'utf8')));
  expect(manifest).toMatchObject({
    source: { name: 'uncurl-8', fingerprint: source.fingerprint },
    steps: STEPS,
    settings,
    tasks: [{ name: 'few', items: ITEMS }],
  });
  expect(Object.keys(manifest.versions).sort()).toEqual([
    ...['environment', 'python', 'torch', 'transformers', 'uncurl-workbench'],
  ]);
  expect(manifest.versions['environment']).toMatch(/^[0-9a-f]{64}$/);
});

test('router distillation takes the steps of plain PyTorch, and moves the routers alone', async () => {
  const checkpoint = await openCheckpoint(model);
  const destination = inWork('half');
  const kept = Array.from({ length: checkpoint.info.moeLayers }, () => [0, 2, 5, 7]);
  await exportPlan({ checkpoint, plan: { kept }, destination, settings: exportSettingsIn(inWork('overlay')), control });
  const engine = await openEngine('distilled-workspace');
  const distilSteps = 8;
  const temperature = 2;
  const given = { ...settings, stages: ['distil' as const], distilSteps, temperature };
  const { run } = await start(engine, 'distilled', given, { of: destination, teacher: model });
  await engine.finished(run);
  const tokenizer = (await loadTokenizer(model)) ?? expect.fail('uncurl-8 has a tokenizer');
  const sequences = trainingSequences([await loadTask(inWork('few'))], tokenizer, 64);
  const { rate, warmUp, clip, weightDecay: decay } = settings;
  const [plain] = await runPython(
    'finetune_losses.py',
    [{ model: destination, teacher: model, sequences, distilSteps, temperature, rate, warmUp, clip, decay }].map(
      (job) => ({ ...job, balance: 0, routerSteps: 0, allSteps: 0 }),
    ),
    z.object({ losses: z.array(z.number()) }),
  );
  const lines = (await readFile(inWork('distilled', 'losses.jsonl'), 'utf8')).trim().split('\n');
  const losses = lines.map((line) => finetuneStep.parse(JSON.parse(line)).loss);
  expect(losses).toHaveLength(distilSteps);
  losses.forEach((loss, index) =>
    expect(Math.abs(loss - (plain?.losses[index] ?? NaN)), `step ${String(index + 1)}`).toBeLessThan(1e-4),
  );
  expect(losses.at(-1)).toBeLessThan(0.95 * (losses[0] ?? 0));
  const changed = await changedTensors(destination, inWork('distilled'));
  expect(changed).toEqual(kept.map((_, layer) => `model.layers.${String(layer)}.block_sparse_moe.gate.weight`).sort());
  const manifest = finetuneManifest.parse(
    JSON.parse(await readFile(inWork('distilled', 'uncurl_finetune.json'), 'utf8')),
  );
  expect(manifest.teacher).toEqual({ name: 'uncurl-8', fingerprint: checkpoint.fingerprint });
});

test('a frozen part stays unchanged', async () => {
  const engine = await openEngine('frozen-workspace');
  const { run } = await start(engine, 'frozen', {
    ...settings,
    stages: ['all'],
    epochs: 1,
    warmUp: 0,
    freeze: ['experts', 'embed_tokens', 'lm_head'],
  });
  await engine.finished(run);
  const changed = await changedTensors(model, inWork('frozen'));
  expect(changed.filter((name) => /experts|embed_tokens|lm_head/.test(name))).toEqual([]);
  expect(changed).toContain('model.layers.0.self_attn.q_proj.weight');
});

test('a killed training resumes from its last state to the same weights', async () => {
  await mkdir(inWork('killed-workspace'));
  const { child, ended, printed } = startUncurl([
    'finetune',
    model,
    '--task',
    inWork('few'),
    '--out',
    inWork('killed'),
    '--workspace',
    inWork('killed-workspace'),
    '--python',
    python,
    '--threads',
    '1',
    '--router-steps',
    '4',
    '--epochs',
    '6',
    '--batch',
    String(ITEMS),
    '--rate',
    '0.001',
    '--warm-up',
    '2',
    '--save-every',
    '3',
  ]);
  // Steps may be faster than their output; the first state (after the third step) is on disk.
  const states = async (): Promise<readonly string[]> => {
    const files = await readdir(inWork('killed-workspace'), { recursive: true });
    return files.filter((file) => file.endsWith('state.sealed.json'));
  };
  await expect.poll(states, { timeout: HANG_LIMIT_MS, interval: 10 }).toHaveLength(1);
  child.kill('SIGKILL');
  await ended;
  await expect(access(inWork('killed'))).rejects.toThrow('ENOENT');
  const run = /Run (\S+)/.exec(printed.stderr)?.[1] ?? expect.fail(printed.stderr);
  const engine = await openEngine('killed-workspace');
  expect((await engine.call('runs.list', {})).map(({ id }) => id)).toEqual([run]);
  await engine.call('jobs.resume', { run });
  expect((await engine.finished(run)).state).toBe('done');
  expect((await weightsOf('killed')).equals(await weightsOf('whole'))).toBe(true);
  expect(await readFile(inWork('killed', 'losses.jsonl'), 'utf8')).toBe(
    await readFile(inWork('whole', 'losses.jsonl'), 'utf8'),
  );
});

test('a cancelled training leaves no folder, and can be resumed', async () => {
  const engine = await openEngine('cancelled-workspace');
  const { run } = await start(engine, 'cancelled');
  await steps(engine, run, 4);
  await engine.call('jobs.cancel', { run });
  await expect(engine.finished(run)).rejects.toMatchObject({ code: 'cancelled' });
  expect((await readdir(work)).filter((name) => name.includes('cancelled'))).toEqual(['cancelled-workspace']);
  await engine.call('jobs.resume', { run });
  expect((await engine.finished(run)).state).toBe('done');
  expect((await weightsOf('cancelled')).equals(await weightsOf('whole'))).toBe(true);
});

test('a training that changes nothing is not a success', async () => {
  const engine = await openEngine('still-workspace');
  const { run } = await start(engine, 'still', { ...settings, epochs: 1, routerSteps: 1, rate: 1e-12, weightDecay: 0 });
  await expect(engine.finished(run)).rejects.toMatchObject({ code: 'changes-nothing', kind: 'refused' });
  expect((await readdir(work)).includes('still')).toBe(false);
});
