import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import { openTorchModel } from '../../main/torch/open-torch-model.ts';
import { TorchWorkers } from '../../main/torch/torch-model.ts';
import { HANG_LIMIT_MS, patiently } from '../hang-limit.ts';
import { resources, startUncurl, temporaryFolder, uncurl } from '../integration/run-uncurl.ts';
import { openModelRunner, overlaysIn } from '../open-model-runner.ts';

/** The engine torch: its numbers, its refusals, and what is left when a process is killed. */

const references = fileURLToPath(new URL('../fixtures/reference/checkpoints', import.meta.url));
const model = path.join(resources, 'models', 'uncurl-8');
const script = path.join(resources, 'torch', 'worker.py');
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
const control = { signal: new AbortController().signal };
/** As for onnxruntime (tests/reference/checkpoints.test.ts). */
const RELATIVE_TOLERANCE = 1e-4;
const NEW_TOKENS = 6;

const folders = [
  ...['mixtral', 'qwen3_moe', 'olmoe', 'deepseek_v3', 'gpt_oss-bf16', 'granitemoe', 'minimax_m2'],
  // With layers that carry a state.
  'lfm2_moe',
];

const tensorOf = async (file: string, name: string): Promise<Float32Array> => {
  const view = (await readSafetensorsHeader(file)).tensors.get(name);
  return view === undefined ? expect.fail(`${file} lacks ${name}`) : readTensor(view);
};

const expectClose = (ours: Float32Array, reference: Float32Array): void => {
  expect(ours.length).toBe(reference.length);
  const scale = reference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const difference = ours.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (reference[index] ?? NaN))),
    0,
  );
  expect(difference / scale).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
};

/** Continuations of beginnings of two lengths, two of which end early. */
const written = async (
  runner: ModelRunner,
  tokens: readonly (readonly number[])[],
  plan: DropPlan | null,
): Promise<readonly (readonly number[])[]> => {
  const rows = tokens.flatMap((sequence) =>
    [3, 3, 5].map((length, index) => ({
      tokens: sequence.slice(0, length + (index === 1 ? 1 : 0)),
      candidate: 'plan',
      mostNewTokens: index === 0 ? 2 : NEW_TOKENS,
    })),
  );
  const texts: (readonly number[])[] = [];
  for await (const { row, tokens: own } of runner.decode(rows, [{ key: 'plan', plan }], control)) texts[row] = own;
  expect(texts.map(({ length }) => length)).toEqual(rows.map(({ mostNewTokens }) => mostNewTokens));
  return texts;
};

test.each(folders)(
  '%s in float32: logits, scores and written tokens, unpruned and pruned',
  async (name) => {
    const folder = path.join(references, name);
    const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(path.join(folder, file), 'utf8'));
    const checkpoint = await openCheckpoint(folder);
    const tokens = z.array(z.array(z.number())).parse(await read('tokens.json'));
    const kept = z.object({ kept: z.array(z.array(z.number())) }).parse(await read('kept.json'));
    const scratch = await temporaryFolder();
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER };
    const referee = await openModelRunner(checkpoint, { ...settings, overlayFolder: scratch });
    const workers = new TorchWorkers({ python, script, device: 'cpu', threads: 1 });
    const torch = await openTorchModel(checkpoint, settings, workers, 'float32');
    try {
      const runner = torch.runner(overlaysIn(scratch));
      const requests = tokens
        .filter(({ length }) => length > 2)
        .map((sequence, index) => ({
          id: String(index),
          contextTokens: sequence.slice(0, -2),
          continuationTokens: sequence.slice(-2),
        }));
      for (const [plan, file] of [
        [null, 'reference.safetensors'],
        [kept, 'pruned.safetensors'],
      ] as const) {
        const results = await runner.forward(tokens, plan, control);
        for (const [index, { logits, routerLogits }] of results.entries()) {
          expectClose(logits, await tensorOf(path.join(folder, file), `logits.${String(index)}`));
          expectClose(routerLogits, await tensorOf(path.join(folder, file), `router_logits.${String(index)}`));
        }
        const scores = await runner.score(requests, plan, control);
        (await referee.score(requests, plan, control)).forEach(({ logprob, ...rest }, index) => {
          const { logprob: own, ...others } = scores[index] ?? expect.fail('a score is missing');
          expect(Math.abs(own - logprob)).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
          expect(others).toEqual(rest);
        });
        expect(await written(runner, tokens, plan)).toEqual(await written(referee, tokens, plan));
      }
    } finally {
      await referee.dispose();
      await torch.dispose();
    }
  },
  HANG_LIMIT_MS,
);

describe('the command line', () => {
  const commandOf = async (folder: string, sequences: unknown): Promise<readonly string[]> => {
    await writeFile(path.join(folder, 'tokens.json'), JSON.stringify(sequences));
    return ['--tokens', path.join(folder, 'tokens.json'), '--out', path.join(folder, 'out'), '--threads', '1'];
  };

  test(
    'names engine, precision, device and versions; bfloat16 stays near float32',
    async () => {
      const folder = await temporaryFolder();
      const common = await commandOf(folder, [[1, 2, 3, 4, 5, 6]]);
      const logitsOf = async (...options: readonly string[]): Promise<readonly [Float32Array, unknown]> => {
        const { code, stdout, stderr } = await uncurl(['forward', model, ...common, '--force', '--json', ...options]);
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        return [await tensorOf(path.join(folder, 'out'), 'logits.0'), JSON.parse(stdout)];
      };
      const [ours, plain] = await logitsOf();
      expect(plain).not.toHaveProperty('engine');
      const [half, document] = await logitsOf('--engine', 'torch', '--python', python, '--precision', 'bfloat16');
      expect(document).toMatchObject({
        engine: {
          name: 'torch',
          precision: 'bfloat16',
          device: 'cpu',
          card: null,
          versions: { python: expect.any(String), torch: expect.any(String), transformers: expect.any(String) },
        },
      });
      const scale = ours.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      const difference = ours.reduce((most, value, at) => Math.max(most, Math.abs(value - (half[at] ?? NaN))), 0);
      // It really is another precision, and eight bits of it.
      expect(difference / scale).toBeGreaterThan(1e-4);
      expect(difference / scale).toBeLessThan(0.1);
    },
    HANG_LIMIT_MS,
  );

  test(
    'refuses what is missing, by name',
    async () => {
      const folder = await temporaryFolder();
      const common = await commandOf(folder, [[1, 2, 3]]);
      const refusal = async (
        subject: string,
        options: readonly string[],
        environment?: Readonly<Record<string, string>>,
      ): Promise<string> => {
        const { code, stderr } = await uncurl(['forward', subject, ...common, ...options], environment);
        expect([code, stderr]).toEqual([2, expect.any(String)]);
        return stderr;
      };
      const torch = ['--engine', 'torch', '--python', python];
      expect(await refusal(model, ['--precision', 'bfloat16'])).toContain('--precision is for --engine torch alone');
      expect(await refusal(model, ['--python', python])).toContain('--python is for --engine torch alone');
      expect(await refusal(model, ['--engine', 'torch'])).toContain('--python is missing');
      expect(await refusal(model, [...torch, '--device', 'webgpu'])).toContain(
        '--device "webgpu" is not cpu or cuda:N',
      );
      const bare = path.join(folder, 'bare-python');
      await writeFile(bare, `#!/bin/sh\nexec "${python}" -S "$@"\n`, { mode: 0o755 });
      expect(await refusal(model, ['--engine', 'torch', '--python', bare])).toContain(`${bare} has no torch.`);
      const old = path.join(folder, 'old', 'transformers-4.57.1.dist-info');
      await mkdir(old, { recursive: true });
      await writeFile(path.join(old, 'METADATA'), 'Metadata-Version: 2.1\nName: transformers\nVersion: 4.57.1\n');
      expect(await refusal(model, torch, { PYTHONPATH: path.dirname(old) })).toContain(
        'has transformers 4.57.1; 5.24 or later is needed',
      );
      expect(await refusal(model, [...torch, '--device', 'cuda:99'])).toMatch(
        /PyTorch finds no CUDA card here|so there is no cuda:99/,
      );
      expect(await refusal(path.join(references, 'kimi_k2'), torch)).toContain(
        'has no class for the model type "kimi_k2"',
      );
      expect(await refusal(path.join(references, 'llama4-text'), torch)).toContain('does not give the router logits');
    },
    HANG_LIMIT_MS,
  );

  /** Running workers of a program. */
  const workersOf = (engine: number): readonly number[] => {
    const table = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).split('\n');
    return table.flatMap((line) => {
      const [pid, parent, state = '', ...args] = line.trim().split(/\s+/);
      const isWorker = Number(parent) === engine && args.includes(script) && !state.startsWith('Z');
      return isWorker ? [Number(pid)] : [];
    });
  };
  const isAlive = (pid: number): boolean =>
    execFileSync('ps', ['-eo', 'pid=,stat='], { encoding: 'utf8' })
      .split('\n')
      .some((line) => {
        const [own, state = ''] = line.trim().split(/\s+/);
        return Number(own) === pid && !state.startsWith('Z');
      });

  /** Long work, once its worker computes. */
  const started = async (): Promise<{ readonly engine: ReturnType<typeof startUncurl>; readonly worker: number }> => {
    const prompts = Array.from({ length: 2000 }, (_, index) => [1, 2, (index % 40) + 3]);
    const common = await commandOf(await temporaryFolder(), prompts);
    const options = ['--engine', 'torch', '--python', python, '--max-new-tokens', '50', '--ignore-end'];
    const engine = startUncurl(['generate', model, ...common, ...options]);
    await engine.says(/writing/);
    const [worker] = workersOf(engine.child.pid ?? -1);
    return { engine, worker: worker ?? expect.fail('no worker runs') };
  };

  test(
    'a killed worker ends the command with exit code 1',
    async () => {
      const { engine, worker } = await started();
      process.kill(worker, 'SIGKILL');
      const { code, stderr } = await engine.ended;
      expect([code, stderr]).toEqual([1, expect.stringContaining('The PyTorch process ended (SIGKILL)')]);
    },
    HANG_LIMIT_MS,
  );

  test(
    'a worker that cannot start ends the command with its last words',
    async () => {
      const folder = await temporaryFolder();
      await mkdir(path.join(folder, 'broken', 'transformers'), { recursive: true });
      await writeFile(
        path.join(folder, 'broken', 'transformers', '__init__.py'),
        'raise ImportError("half installed")',
      );
      const command = [
        'forward',
        model,
        ...(await commandOf(folder, [[1, 2]])),
        '--engine',
        'torch',
        '--python',
        python,
      ];
      const { code, stderr } = await uncurl(command, { PYTHONPATH: path.join(folder, 'broken') });
      expect([code, stderr]).toEqual([1, expect.stringContaining('ImportError: half installed')]);
    },
    HANG_LIMIT_MS,
  );

  test(
    'the worker of a killed engine ends by itself',
    async () => {
      const { engine, worker } = await started();
      expect(isAlive(worker)).toBe(true);
      engine.child.kill('SIGKILL');
      await engine.ended;
      await vi.waitFor(() => {
        expect(isAlive(worker)).toBe(false);
      }, patiently);
    },
    HANG_LIMIT_MS,
  );
});
