/** Models are compared with transformers before the first number: equal ones, one that we misread, and a run. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { createMadeEnvironments, environmentPython } from '../../main/finetune/made-environments.ts';
import { torchVerdict } from '../../main/contract/model.ts';
import type { TransformersCheck } from '../../main/contract/transformers-check.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import { askTransformers } from '../../main/torch/ask-transformers.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { uncurl } from '../integration/run-uncurl.ts';
import { TEST_LIMIT_MS } from '../hang-limit.ts';
import { changeableCopy, checkpointFixture, editJson } from '../main/checkpoint/checkpoint-files.ts';
import { bundled, openEngine } from '../main/engine/open-engine.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { torchWorkers } from '../torch-engine.ts';

const control = { memoryBudgetBytes: 1e9, signal: new AbortController().signal };
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';

const runnerOf = async (folder: string): Promise<ModelRunner> =>
  openModelRunner(await openCheckpoint(folder), {
    threads: 1,
    memoryBudgetBytes: 1e9,
    overlayFolder: await temporaryFolder(),
  });

// The last three have classes that give no router outputs of all layers.
test.each(['mixtral', 'deepseek_v3-fp8', 'qwen3_next', 'llama4', 'gemma4', 'deepseek_v4'])(
  '%s equals transformers',
  async (name) => {
    const folder = checkpointFixture(name);
    const runner = await runnerOf(folder);
    try {
      const check = await askTransformers(
        await openCheckpoint(folder),
        () => Promise.resolve(runner),
        torchWorkers,
        control,
      );
      expect(check).toMatchObject({ word: 'equal', transformers: '5.24.0', tokens: 64, differing: 0 });
    } finally {
      await runner.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test.each(['mixtral', 'qwen3_next'])(
  '%s block by block in both engines is what it is as a whole',
  async (name) => {
    const folder = checkpointFixture(name);
    const given = await openCheckpoint(folder);
    // Both engines count the model as larger than the budget.
    const [whole, budget] = [2 * control.memoryBudgetBytes, control.memoryBudgetBytes];
    const torch = { ...given.info.memory.torch, float32: whole, half: whole };
    const memory = { ...given.info.memory, torch };
    const larger = { ...given, info: { ...given.info, memory } };
    const place = { precision: 'float32', isOnProcessor: true };
    expect([given, larger].map(({ info }) => torchVerdict(info, place, budget).kind)).toEqual(['resident', 'streamed']);
    const checks: TransformersCheck[] = [];
    for (const [checkpoint, streamed] of [
      [given, false],
      [larger, true],
    ] as const) {
      const settings = { threads: 1, memoryBudgetBytes: 1e9, overlayFolder: await temporaryFolder(), streamed };
      const runner = await openModelRunner(given, settings);
      try {
        checks.push(await askTransformers(checkpoint, () => Promise.resolve(runner), torchWorkers, control));
      } finally {
        await runner.dispose();
      }
    }
    expect(checks[0]).toMatchObject({ word: 'equal', differing: 0 });
    // Bit by bit: the largest difference is the same number.
    expect(checks[1]).toEqual(checks[0]);
  },
  TEST_LIMIT_MS,
);

test(
  'an export is compared while it is made and when it is verified, and its card says so',
  async () => {
    const folder = await temporaryFolder();
    const [plan, exported] = [path.join(folder, 'plan.json'), path.join(folder, 'pruned')];
    await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 2 }, () => [0, 2, 3, 6]) }));
    const model = checkpointFixture('mixtral');
    const referee = ['--referee', '--python', python, '--threads', '1', '--json'];
    const made = await uncurl(['export', model, '--plan', plan, '--out', exported, ...referee]);
    const transformers = { word: 'equal', tokens: 64, differing: 0 };
    expect([made.code, made.stderr]).toEqual([0, expect.anything()]);
    expect(JSON.parse(made.stdout)).toMatchObject({ verification: { ok: true, transformers } });
    expect(await readFile(path.join(exported, 'README.md'), 'utf8')).toMatch(/^Transformers: equal to transformers 5/m);
    const verify = ['--against', model, '--plan', plan];
    const proven = await uncurl(['verify', exported, ...verify, ...referee]);
    expect([proven.code, proven.stderr]).toEqual([0, expect.anything()]);
    expect(JSON.parse(proven.stdout)).toMatchObject({ ok: true, transformers });
    const graph = path.join(folder, 'graph');
    const other = await uncurl(['export', model, '--plan', plan, '--out', graph, '--format', 'onnx', ...referee]);
    expect(JSON.parse(other.stdout)).toMatchObject({
      verification: { transformers: { word: 'not compared', why: 'it is not asked about an ONNX graph.' } },
    });
  },
  TEST_LIMIT_MS,
);

test(
  'a model that is read otherwise than transformers reads it is refused with the difference',
  async () => {
    // As an engine that misses a key of the config.
    const misread = await changeableCopy(checkpointFixture('llama4'));
    await editJson(path.join(misread, 'config.json'), (config) => {
      // Both read the base from here; a `rope_theta` beside it counts for neither.
      const { rope_parameters: rope } = config['text_config'] as { readonly rope_parameters: object };
      Object.assign(rope, { rope_theta: 100 });
    });
    const runner = await runnerOf(misread);
    try {
      const asked = askTransformers(
        await openCheckpoint(checkpointFixture('llama4')),
        () => Promise.resolve(runner),
        torchWorkers,
        control,
      );
      await expect(asked).rejects.toMatchObject({ code: 'differs-from-transformers', kind: 'refused' });
    } finally {
      await runner.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test(
  'a type that transformers does not have is not compared, with the reason',
  async () => {
    const checkpoint = await openCheckpoint(checkpointFixture('kimi_k2'));
    const check = await askTransformers(
      checkpoint,
      () => Promise.reject(new Error('not needed')),
      torchWorkers,
      control,
    );
    expect(check).toMatchObject({ word: 'not compared', why: expect.stringContaining('"kimi_k2"') });
  },
  TEST_LIMIT_MS,
);

test(
  'the first run compares its model where the workspace has a Python, and its manifest says so',
  async () => {
    const [workspace, home] = [await temporaryFolder(), await temporaryFolder()];
    const settingsFile = path.join(home, 'settings.json');
    await createMadeEnvironments(stateFolder(settingsFile)).make(workspace);
    const own = environmentPython(workspace);
    await mkdir(path.dirname(own), { recursive: true });
    await writeFile(own, `#!/bin/sh\nexec ${fileURLToPath(new URL(`file://${python}`))} "$@"\n`);
    await chmod(own, 0o755);
    const engine = await openEngine(workspace, { settingsFile });
    const { model, task } = await bundled(engine, 'uncurl-8', 'add');
    const { run } = await engine.call('profile.start', { model, tasks: [task] });
    expect((await engine.finished(run)).models[0]?.transformers).toMatchObject({ word: 'equal', differing: 0 });
    // So is an export, where the window asks for it.
    const exported = await engine.call('export.start', {
      model,
      plan: { kept: Array.from({ length: 3 }, () => [0, 2, 5, 7]) },
      into: engine.grantPath(home),
      name: 'pruned',
      referee: true,
    });
    await engine.finished(exported.run);
    expect(await engine.call('verify.read', { run: exported.run })).toMatchObject({
      ok: true,
      transformers: { word: 'equal', differing: 0 },
    });
  },
  TEST_LIMIT_MS,
);
