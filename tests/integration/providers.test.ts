import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, test, type TestContext } from 'vitest';
import { TensorProto_DataType as DataType } from '../../main/graph/onnx-messages.ts';
import { z } from 'zod';
import type { AttentionDescriptor } from '../../main/checkpoint/descriptor.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { DEVIATION_LIMIT, runDevice, type ProviderProbe } from '../../main/contract/device.ts';
import { dropPlan, type Plan } from '../../main/contract/plan.ts';
import { OnnxGraph } from '../../main/graph/onnx-graph.ts';
import type { ForwardResult } from '../../main/inference/model-runner.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { forkProbe } from '../../main/inference/providers/fork-probe.ts';
import { createProvidersHere } from '../../main/inference/providers/providers-here.ts';
import { resources, temporaryFolder, uncurl } from './run-uncurl.ts';

const here = createProvidersHere(forkProbe);
const bundled = path.join(resources, 'models', 'uncurl-16');

/** Skips the test without a device; other refusals are left for the test to check. */
const requireAdapter = async (context: TestContext): Promise<ProviderProbe> => {
  const probe = await here.probe('webgpu');
  const { reason } = probe;
  if (reason !== null && /adapter|has no WebGPU/.test(reason)) context.skip(`there is no device for WebGPU: ${reason}`);
  return probe;
};

const forward = async (
  folder: string,
  provider: 'cpu' | 'webgpu',
  sequences: readonly (readonly number[])[],
  plan: Plan | null,
): Promise<readonly ForwardResult[]> => {
  const settings = {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder: await temporaryFolder(),
    provider,
  };
  const runner = await openModelRunner(await openCheckpoint(folder), settings);
  try {
    return await runner.forward(sequences, plan, { signal: new AbortController().signal });
  } finally {
    await runner.dispose();
  }
};

/**
 * Both providers on the same tokens: largest |a - b| / max(1, |a|) over logits and router logits, and the number of
 * different expert choices.
 */
const compare = async (folder: string, sequences: readonly (readonly number[])[], plan: Plan | null) => {
  const [cpu, webgpu] = [
    await forward(folder, 'cpu', sequences, plan),
    await forward(folder, 'webgpu', sequences, plan),
  ];
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
    for (const plan of [null, planOf([3, 7, 8, 12]), planOf([0, 1]), planOf([14, 15])]) {
      const { deviation, otherExperts } = await compare(bundled, sequencesOver(47, 3), plan);
      expect(deviation).toBeLessThanOrEqual(DEVIATION_LIMIT);
      expect(otherExperts).toBe(0);
    }
  });

  test('agrees with the processor on every checkpoint of the fixtures', async (context) => {
    const probe = await requireAdapter(context);
    if (!probe.available) context.skip(`WebGPU is refused here: ${probe.reason ?? ''}`);
    const root = process.env['CHECKPOINTS'] ?? expect.fail('CHECKPOINTS names no folder');
    const names = (await readdir(root, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
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
      for (const plan of [null, dropPlan.parse(kept)]) {
        const { deviation, otherExperts } = await compare(folder, sequences, plan);
        expect([name, deviation <= DEVIATION_LIMIT, otherExperts]).toEqual([name, true, 0]);
      }
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
