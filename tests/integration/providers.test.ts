import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, onTestFinished, test, type TestContext, vi } from 'vitest';
import { TensorProto_DataType as DataType } from '../../main/graph/onnx-messages.ts';
import { z } from 'zod';
import type { AttentionDescriptor } from '../../main/checkpoint/descriptor.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { DEVIATION_LIMIT, runDevice, type ProviderProbe } from '../../main/contract/device.ts';
import { dropPlan, type Plan } from '../../main/contract/plan.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { OnnxGraph } from '../../main/graph/onnx-graph.ts';
import type { ForwardResult } from '../../main/inference/model-runner.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { forkProbe } from '../../main/inference/providers/fork-probe.ts';
import { createProvidersHere } from '../../main/inference/providers/providers-here.ts';
import { resources, temporaryFolder, uncurl } from './run-uncurl.ts';

const here = createProvidersHere(forkProbe);
const bundled = path.join(resources, 'models', 'uncurl-16');

/** Skips the test without a device; other refusals are left for the test to check. */
const requireAdapter = async (
  context: TestContext,
  device: 'webgpu' | 'webgpu-float16' = 'webgpu',
): Promise<ProviderProbe> => {
  const probe = await here.probe(device);
  const { reason } = probe;
  if (reason !== null && /adapter|has no WebGPU/.test(reason)) context.skip(`there is no device for WebGPU: ${reason}`);
  return probe;
};

/** The results of a model under each of the plans, by one runner: its session is made once. */
const forward = async (
  folder: string,
  provider: 'cpu' | 'webgpu' | 'webgpu-float16',
  sequences: readonly (readonly number[])[],
  plans: readonly (Plan | null)[],
): Promise<readonly (readonly ForwardResult[])[]> => {
  const settings = {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder: await temporaryFolder(),
    provider,
  };
  const runner = await openModelRunner(await openCheckpoint(folder), settings);
  try {
    const results: (readonly ForwardResult[])[] = [];
    for (const plan of plans)
      results.push(await runner.forward(sequences, plan, { signal: new AbortController().signal }));
    return results;
  } finally {
    await runner.dispose();
  }
};

/**
 * Both providers on the same tokens, for each plan: largest |a - b| / max(1, |a|) over logits and router logits, and
 * the number of different expert choices.
 */
const compare = async (folder: string, sequences: readonly (readonly number[])[], plans: readonly (Plan | null)[]) => {
  const cpu = await forward(folder, 'cpu', sequences, plans);
  const webgpu = await forward(folder, 'webgpu', sequences, plans);
  return cpu.map((results, plan) => compareResults(results, webgpu[plan] ?? expect.fail('a plan is missing')));
};

const compareResults = (cpu: readonly ForwardResult[], webgpu: readonly ForwardResult[]) => {
  let [deviation, otherExperts] = [0, 0];
  cpu.forEach(({ logits, routerLogits, experts }, sequence) => {
    const other = webgpu[sequence] ?? expect.fail('a sequence is missing');
    for (const [ours, theirs] of [
      [logits, other.logits],
      [routerLogits, other.routerLogits],
    ] as const) {
      expect(theirs).toHaveLength(ours.length);
      for (const [index, value] of ours.entries()) {
        const each = Math.abs(value - theirs[index]!) / Math.max(1, Math.abs(value));
        if (!(each <= deviation)) deviation = each;
      }
    }
    otherExperts += experts.filter((expert, index) => expert !== other.experts[index]).length;
  });
  return { deviation, otherExperts };
};

/** `count` sequences of different lengths over a vocabulary of `tokens`. */
const sequencesOver = (tokens: number, count: number): readonly (readonly number[])[] =>
  Array.from({ length: count }, (_, sequence) =>
    Array.from({ length: 40 - 11 * sequence }, (_token, index) => (7 * index + 13 * sequence) % tokens),
  );

const hasIndexer = (attention: AttentionDescriptor | null): boolean =>
  attention?.kind === 'latent' && attention.indexer !== null;

/**
 * Half precision against the processor: largest |a - b| / max(1, |a|) over the logits of a sequence's tokens before the
 * first one that goes to another expert, how many of all tokens these are, and the fraction of choices that differ.
 */
const compareHalves = async (folder: string) => {
  const { descriptor } = await openCheckpoint(folder);
  const { vocabulary, moeLayers } = descriptor;
  const sequences = sequencesOver(vocabulary, 2);
  const [cpu = [], half = []] = [
    ...(await forward(folder, 'cpu', sequences, [null])),
    ...(await forward(folder, 'webgpu-float16', sequences, [null])),
  ];
  let [deviation, compared, tokens, other, choices] = [0, 0, 0, 0, 0];
  cpu.forEach(({ logits, experts }, sequence) => {
    const theirs = half[sequence] ?? expect.fail('a sequence is missing');
    const length = sequences[sequence]?.length ?? 0;
    const ofToken = experts.length / moeLayers.length / length;
    let alike = length;
    for (const [index, expert] of experts.entries()) {
      if (expert === theirs.experts[index]) continue;
      other += 1;
      alike = Math.min(alike, Math.floor(index / ofToken) % length);
    }
    choices += experts.length;
    compared += alike;
    tokens += length;
    for (const [index, value] of logits.subarray(0, alike * vocabulary).entries()) {
      const each = Math.abs(value - theirs.logits[index]!) / Math.max(1, Math.abs(value));
      if (!(each <= deviation)) deviation = each;
    }
  });
  return { deviation, compared, tokens, otherShare: other / choices };
};

/** Environment of a process that finds no adapter. */
const noVulkan = { VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '/nonexistent.json' };

describe('WebGPU', () => {
  test('agrees with the processor on the bundled model, or its probe refuses it with a reason', async (context) => {
    const probe = await requireAdapter(context);
    if (!probe.available) {
      const { code, stderr } = await uncurl([
        'sweep',
        'uncurl-16',
        '--task',
        'add',
        '--method',
        'random',
        '--factors',
        '1',
        '--device',
        'webgpu',
        '--workspace',
        await temporaryFolder(),
      ]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(probe.reason ?? 'no reason')]);
      return;
    }
    const layers = (await openCheckpoint(bundled)).info.moeLayers;
    const planOf = (kept: readonly number[]): Plan =>
      dropPlan.parse({ kept: Array.from({ length: layers }, () => kept) });
    const plans = [null, planOf([3, 7, 8, 12]), planOf([0, 1]), planOf([14, 15])];
    for (const { deviation, otherExperts } of await compare(bundled, sequencesOver(47, 3), plans)) {
      expect(deviation).toBeLessThanOrEqual(DEVIATION_LIMIT);
      expect(otherExperts).toBe(0);
    }
  });

  test('agrees with the processor on every model of the fixtures', async (context) => {
    const probe = await requireAdapter(context);
    if (!probe.available) context.skip(`WebGPU is refused here: ${probe.reason ?? ''}`);
    const root = process.env['CHECKPOINTS'] ?? expect.fail('CHECKPOINTS names no folder');
    const names = (await readdir(root, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      // The same model with its experts stored as one tensor, whose graph is the same.
      .filter((name) => !name.endsWith('-fused'));
    expect(names).not.toEqual([]);
    for (const name of names) {
      const folder = path.join(root, name);
      const kept: unknown = JSON.parse(await readFile(path.join(folder, 'kept.json'), 'utf8'));
      const { descriptor } = await openCheckpoint(folder);
      // Among keys of equal score an indexer may choose any; those of the reference's tokens differ by at least 1e-3.
      const tokens: unknown = JSON.parse(await readFile(path.join(folder, 'tokens.json'), 'utf8'));
      const sequences = descriptor.blocks.some(({ attention }) => hasIndexer(attention))
        ? z.array(z.array(z.number())).parse(tokens)
        : sequencesOver(descriptor.vocabulary, 2);
      for (const { deviation, otherExperts } of await compare(folder, sequences, [null, dropPlan.parse(kept)]))
        expect([name, deviation <= DEVIATION_LIMIT, otherExperts]).toEqual([name, true, 0]);
    }
  });

  test('is in the manifest with its probe, and its steps are not mixed with the processor’s', async (context) => {
    const probe = await requireAdapter(context);
    if (!probe.available) context.skip(`WebGPU is refused here: ${probe.reason ?? ''}`);
    const workspace = await temporaryFolder();
    const sweepOn = async (device: string) => {
      const words = [
        'sweep',
        'uncurl-16',
        '--task',
        'add',
        '--method',
        'random',
        '--factors',
        '1,8',
        '--limit',
        '4',
        '--threads',
        '1',
      ];
      const { code, stdout, stderr } = await uncurl([...words, '--device', device, '--workspace', workspace, '--json']);
      expect([code, stderr.split('\n').filter((line) => line.startsWith('uncurl:'))]).toEqual([0, []]);
      const { run, results, summary } = z
        .object({
          run: z.string(),
          summary: z.string(),
          results: z.array(z.object({ factor: z.number(), value: z.number() })),
        })
        .parse(JSON.parse(stdout));
      const manifest: unknown = JSON.parse(await readFile(path.join(workspace, 'runs', run, 'manifest.json'), 'utf8'));
      return { run, results, summary, device: z.object({ device: runDevice }).parse(manifest).device };
    };
    const [cpu, webgpu] = [await sweepOn('cpu'), await sweepOn('webgpu')];
    expect(webgpu.results).toEqual(cpu.results);
    expect(webgpu.summary).toContain('0 reused');
    expect(Object.keys(cpu.device)).toEqual(['provider', 'precision', 'threads', 'processor']);
    expect(webgpu.device).toMatchObject({
      provider: 'webgpu',
      precision: 'float32',
      shareOnCpu: probe.shareOnCpu,
      deviation: expect.any(Number),
    });
    expect(webgpu.device.shareOnCpu).toBeGreaterThan(0);
    expect(webgpu.device.shareOnCpu).toBeLessThan(0.5);
    const resumed = await uncurl(['resume', webgpu.run, '--workspace', workspace]);
    // It continues with the device named in its manifest, which computed the stored steps, and never with another.
    expect([resumed.code, resumed.stdout]).toEqual([0, expect.stringMatching(/^0 of \d+ steps computed/m)]);
    const elsewhere = await uncurl(['resume', webgpu.run, '--workspace', workspace], noVulkan);
    expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringMatching(/webgpu/i)]);
  });
});

describe('WebGPU in float16', () => {
  const requireHalves = async (context: TestContext): Promise<ProviderProbe> => {
    const probe = await requireAdapter(context, 'webgpu-float16');
    if (!probe.available) context.skip(`WebGPU is refused in float16: ${probe.reason ?? ''}`);
    return probe;
  };

  test('deviates from float32 as stated, on bundled models and on families', async (context) => {
    const probe = await requireHalves(context);
    expect(probe).toMatchObject({ precision: 'float16', measurement: { deviation: expect.any(Number) } });
    // Above what float32 gives, or the weights were not rounded.
    expect(probe.measurement?.deviation).toBeGreaterThan(DEVIATION_LIMIT / 10);
    const root = process.env['CHECKPOINTS'] ?? expect.fail('CHECKPOINTS names no folder');
    const models = ['uncurl-16', 'switch-8', 'wordy-16'].map((name) => path.join(resources, 'models', name));
    const families = [
      'mixtral',
      'olmoe',
      'deepseek_v3-fp8',
      'gpt_oss-bf16',
      'longcat_flash',
      'nemotron_h',
      'solar_open',
    ];
    let [compared, tokens] = [0, 0];
    for (const folder of [...models, ...families.map((name) => path.join(root, name))]) {
      const { deviation, ...found } = await compareHalves(folder);
      const name = path.basename(folder);
      expect([name, deviation <= 0.1, deviation > 1e-4, found.otherShare <= 0.05]).toEqual([name, true, true, true]);
      compared += found.compared;
      tokens += found.tokens;
    }
    expect(compared).toBeGreaterThan(tokens / 2);
  });

  test('profiles, merges and writes; manifest and log name precision and deviation', async (context) => {
    const { measurement } = await requireHalves(context);
    if (measurement === null) expect.fail('a probe without figures');
    const control = { signal: new AbortController().signal };
    const pairs = Array.from({ length: 8 }, (_, pair) => ({
      members: [2 * pair, 2 * pair + 1],
      reference: 2 * pair,
      weights: [0.5, 0.5],
    }));
    const merge: Plan = { groups: [pairs, pairs, pairs], router: 'mapped-rows', align: false };
    const onDevice = async (provider: 'cpu' | 'webgpu-float16') => {
      const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, provider };
      const runner = await openModelRunner(await openCheckpoint(bundled), {
        ...settings,
        overlayFolder: await temporaryFolder(),
      });
      try {
        const [merged] = await runner.forward([[1, 2, 3, 4, 5]], merge, control);
        const { counts } = await runner.profile([{ id: 'a', text: 'what is two plus two' }], control);
        return { merged: [...(merged?.logits ?? [])], counts: [...counts] };
      } finally {
        await runner.dispose();
      }
    };
    const [cpu, half] = [await onDevice('cpu'), await onDevice('webgpu-float16')];
    const apart = cpu.merged.map(
      (value, index) => Math.abs(value - half.merged[index]!) / Math.max(1, Math.abs(value)),
    );
    expect(Math.max(...apart)).toBeLessThanOrEqual(0.1);
    expect(half.counts.reduce((sum, count) => sum + count, 0)).toBe(cpu.counts.reduce((sum, count) => sum + count, 0));
    const workspace = await temporaryFolder();
    const engine = await createEngine({
      workspace,
      resources,
      commandLine: 'test',
      threads: 1,
      provider: 'webgpu-float16',
      startProbe: () => Promise.resolve({ kind: 'measured', measurement }),
    });
    try {
      const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
      const task = (await engine.call('tasks.list', {})).find(({ name }) => name === 'add-written');
      if (model === undefined || task === undefined) expect.fail('model and task are bundled');
      const { run } = await engine.call('sweep.start', {
        models: [model.handle],
        tasks: [task.handle],
        settings: { methods: ['random'], factors: [2], limit: 3 },
      });
      const manifest = await engine.finished(run);
      expect(manifest).toMatchObject({
        state: 'done',
        device: { provider: 'webgpu', precision: 'float16', deviation: measurement.deviation },
      });
      expect(await readFile(path.join(workspace, 'runs', run, 'log.jsonl'), 'utf8')).toMatch(
        /Started on WEBGPU, float16 \(deviation \d\.\de-\d\), 1 thread\./,
      );
    } finally {
      await engine.dispose();
    }
  });

  test('is refused where the device has no 16-bit floats', async (context) => {
    const { measurement } = await requireAdapter(context);
    if (measurement?.deviceName?.includes('software Vulkan') !== true)
      context.skip('only of software Vulkan can 16-bit floats be hidden');
    // Mesa gives its software device 16-bit floats where the processor converts them (F16C), which this hides.
    vi.stubEnv('GALLIUM_OVERRIDE_CPU_CAPS', 'sse4.1');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(createProvidersHere(forkProbe).require('webgpu-float16')).rejects.toMatchObject({
      code: 'provider-refused',
      kind: 'refused',
      message: expect.stringContaining(
        'The device webgpu in float16 cannot be used: The device has no 16-bit floats. WebGPU in float16 needs',
      ),
    });
  });
});

describe('an unusable device', () => {
  test('is refused before anything runs, with the reason', async () => {
    const workspace = await temporaryFolder();
    const words = [
      'score',
      'uncurl-16',
      '--requests',
      path.join(workspace, 'requests.jsonl'),
      '--out',
      path.join(workspace, 'scores.jsonl'),
    ];
    const { writeFile } = await import('node:fs/promises');
    await writeFile(
      path.join(workspace, 'requests.jsonl'),
      '{"id":"a","contextTokens":[1,2],"continuationTokens":[3]}\n',
    );
    const device = process.platform === 'darwin' ? 'directml' : 'coreml';
    const { code, stderr } = await uncurl([...words, '--device', device]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`The device ${device} cannot be used: onnxruntime has no`),
    ]);
    expect(await readdir(workspace)).toEqual(['requests.jsonl']);
  });

  test('is refused by its probe where the system has no adapter', async (context) => {
    if (process.platform !== 'linux') context.skip('only Vulkan’s drivers can be hidden');
    const { code, stdout } = await uncurl(['doctor', '--probe', '--json'], {
      ...noVulkan,
      UNCURL_WORKSPACE: await temporaryFolder(),
    });
    expect(code).toBe(0);
    const { devices } = z
      .object({
        devices: z.array(
          z.object({
            provider: z.string(),
            present: z.boolean(),
            probe: z.object({ available: z.boolean(), reason: z.string().nullable() }),
          }),
        ),
      })
      .parse(JSON.parse(stdout));
    const webgpu = devices.find(({ provider }) => provider === 'webgpu');
    expect(webgpu?.probe).toMatchObject({
      available: false,
      reason: expect.stringMatching(webgpu?.present === true ? /Failed to get a WebGPU adapter/ : /has no WebGPU/),
    });
    expect(devices.find(({ provider }) => provider === 'cpu')?.probe.available).toBe(true);
  });

  test('CUDA without its libraries throws in onnxruntime, even with the processor as well', async (context) => {
    const cuda = await here.probe('cuda');
    if (cuda.available) context.skip('CUDA works here');
    const graph = new OnnxGraph();
    graph.output(
      'out',
      graph.node('Add', [graph.input('in', DataType.FLOAT, [1]), graph.float(1)]),
      DataType.FLOAT,
      [1],
    );
    await expect(
      InferenceSession.create(graph.serialise('add').bytes, {
        executionProviders: ['cuda', 'cpu'],
        logSeverityLevel: 4,
      }),
    ).rejects.toThrow();
  });
});

test('doctor lists devices without probing, and says so', async () => {
  const { code, stdout } = await uncurl(['doctor'], { UNCURL_WORKSPACE: await temporaryFolder() });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^cpu +not tried\./m);
  expect(stdout).toMatch(/^devices +none was tried: --probe/m);
  if (process.platform === 'linux' && process.arch === 'x64' && !stdout.includes('provider libraries are installed')) {
    const command = /Fetch them with: node (\S+) --onnxruntime-node-install/.exec(stdout);
    await expect(readFile(command?.[1] ?? '', 'utf8')).resolves.toContain('onnxruntime-node-install');
  }
});
