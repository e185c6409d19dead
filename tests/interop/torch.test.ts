import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import type { ItemFidelity, ScoredOutcome } from '../../main/contract/outcome.ts';
import type { DropPlan, Plan, RouterTreatment } from '../../main/contract/plan.ts';
import { experimentSettings } from '../../main/contract/experiment.ts';
import { reproduction } from '../../main/contract/reproduction.ts';
import { runManifest } from '../../main/contract/run.ts';
import type { ChoiceItem } from '../../main/contract/task.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { writeConstants } from '../../main/inference/expert-constants.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import type { Overlays } from '../../main/inference/overlays.ts';
import { openTorchModel } from '../../main/torch/open-torch-model.ts';
import { TorchWorkers } from '../../main/torch/torch-model.ts';
import { patiently, TEST_LIMIT_MS } from '../hang-limit.ts';
import { resources, startUncurl, temporaryFolder, uncurl } from '../integration/run-uncurl.ts';
import { openModelRunner, overlaysIn } from '../open-model-runner.ts';
import { torchWorkers } from '../torch-engine.ts';
import { expectClose, expectSameStatistics, items, RELATIVE_TOLERANCE, weightedItems } from './same-statistics.ts';

/** The engine torch: its numbers, its refusals, and what is left when a process is killed. */

const references = fileURLToPath(new URL('../fixtures/reference/checkpoints', import.meta.url));
const model = path.join(resources, 'models', 'uncurl-8');
const script = path.join(resources, 'torch', 'worker.py');
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
const control = { signal: new AbortController().signal };
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

/** The token with the second largest logit. */
const second = (logits: Float32Array): number => {
  const [, runnerUp = -1] = [...logits.keys()].sort((a, b) => (logits[b] ?? NaN) - (logits[a] ?? NaN));
  return runnerUp;
};

/** Continuations of beginnings of two lengths, two of which end early; one takes other than the likeliest tokens. */
const written = async (
  runner: ModelRunner,
  tokens: readonly (readonly number[])[],
  plan: Plan | null,
): Promise<readonly (readonly number[])[]> => {
  const rows = tokens.flatMap((sequence) =>
    [3, 3, 5].map((length, index) => ({
      tokens: sequence.slice(0, length + (index === 1 ? 1 : 0)),
      candidate: 'plan',
      mostNewTokens: index === 0 ? 2 : NEW_TOKENS,
      ...(index === 2 ? { choose: second } : {}),
    })),
  );
  const texts: (readonly number[])[] = [];
  for await (const { row, tokens: own } of runner.decode(rows, [{ key: 'plan', plan }], control)) texts[row] = own;
  expect(texts.map(({ length }) => length)).toEqual(rows.map(({ mostNewTokens }) => mostNewTokens));
  return texts;
};

/** Answers to the items under a plan, compared with the unpruned model's. */
const answered = async (runner: ModelRunner, plan: Plan | null): Promise<readonly ScoredOutcome[]> =>
  (await runner.evaluate(items, [{ key: 'plan', plan }], { ...control, fidelity: 'items' })).get('plan') ?? [];

const expectSameAnswers = (ours: readonly ScoredOutcome[], reference: readonly ScoredOutcome[]): void => {
  const scoresOf = (outcomes: readonly ScoredOutcome[]): readonly number[] =>
    outcomes.flatMap((outcome) => (outcome.kind === 'choice' ? outcome.logprobs : []));
  expect(scoresOf(reference)).toHaveLength(20);
  scoresOf(ours).forEach((score, index) => {
    expect(Math.abs(score - (scoresOf(reference)[index] ?? NaN))).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
  });
  ours.forEach(({ fidelity: own }, index) => {
    const fidelity = reference[index]?.fidelity ?? expect.fail('a comparison is missing');
    expect([own?.positions, own?.changed]).toEqual([fidelity.positions, fidelity.changed]);
    const classesOf = ({ classes = {} }: ItemFidelity) =>
      Object.entries(classes).map(([name, { positions, changed }]) => [name, positions, changed]);
    expect(own === undefined ? null : classesOf(own)).toEqual(classesOf(fidelity));
    for (const name of ['kl', 'reverseKl', 'acceptance'] as const)
      expect(Math.abs((own?.[name] ?? NaN) - fidelity[name])).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
  });
  const bare = (outcomes: readonly ScoredOutcome[]): unknown =>
    outcomes.map(({ fidelity: _fidelity, ...outcome }) => ({ ...outcome, logprobs: [] }));
  expect(bare(ours)).toEqual(bare(reference));
};

/** Plans that share no config with the unpruned model: other numbers by layer, merges, constants and refits. */
const otherPlans = async (
  { descriptor, info: { experts, topK } }: Checkpoint,
  kept: DropPlan,
  referee: ModelRunner,
  overlays: Overlays,
): Promise<readonly Plan[]> => {
  const layers = descriptor.moeLayers;
  const all = Array.from({ length: experts }, (_, expert) => expert);
  const pairs = all.filter((expert) => expert % 2 === 0).map((expert) => all.slice(expert, expert + 2));
  const merged = (router: RouterTreatment): Plan => ({
    groups: layers.map(() =>
      pairs.map((members) => ({ members, reference: members[0] ?? 0, weights: members.map((_, index) => index + 1) })),
    ),
    router,
    align: true,
  });
  const profile = await referee.profile(items, control, ['routed-outputs']);
  const constants = await writeConstants(referee.checkpoint, { statistics: [profile], taskShares: [1] }, overlays);
  const uneven = { kept: layers.map((_, layer) => all.slice(0, layer % 2 === 1 ? experts - 1 : Math.max(topK, 2))) };
  return [uneven, merged('mean-row'), merged('mapped-rows'), { ...kept, constants }];
};

test.each(['olmoe', 'qwen2_moe', 'deepseek_v2-lite'])(
  'gates of %s: folded and trained ones are those of onnxruntime, and change the logits',
  async (name) => {
    const scratch = await temporaryFolder();
    const checkpoint = await openCheckpoint(path.join(references, name));
    const { experts } = checkpoint.info;
    const kept = checkpoint.descriptor.moeLayers.map(() => Array.from({ length: experts / 2 }, (_, at) => 2 * at));
    const factors = kept.map((_, layer) => 0.4 + layer / 10);
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, scratchFolder: scratch };
    const referee = await openModelRunner(checkpoint, { ...settings, overlayFolder: scratch });
    const torch = await openTorchModel(checkpoint, settings, torchWorkers, 'float32');
    try {
      const runner = torch.runner(overlaysIn(scratch));
      const seen: Float32Array[] = [];
      for (const gates of [{ kind: 'renormalised' }, { kind: 'folded', factors }, { kind: 'trained' }] as const) {
        const [ours] = await runner.forward([[3, 7, 11, 2, 19]], { kept, gates }, control);
        const [theirs] = await referee.forward([[3, 7, 11, 2, 19]], { kept, gates }, control);
        expectClose(ours?.logits ?? [], theirs?.logits ?? []);
        if (ours !== undefined) seen.push(ours.logits);
      }
      const [plainly, ...others] = seen;
      for (const logits of others)
        expect(logits.some((value, at) => Math.abs(value - (plainly?.[at] ?? value)) > 1e-3)).toBe(true);
    } finally {
      await torch.dispose();
      await referee.dispose();
    }
  },
);

/** Families whose experts can be merged and refitted, and whose layers can keep different numbers. */
const plain = ['mixtral', 'qwen3_moe', 'olmoe'];

test.each(folders)(
  '%s in float32: logits, scores, answers, statistics and written tokens, unpruned, pruned and merged',
  async (name) => {
    const scratch = await temporaryFolder();
    const folder = path.join(scratch, name);
    await cp(path.join(references, name), folder, { recursive: true });
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(path.join(model, file), path.join(folder, file));
    const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(path.join(folder, file), 'utf8'));
    const checkpoint = await openCheckpoint(folder);
    const tokens = z.array(z.array(z.number())).parse(await read('tokens.json'));
    const kept = z.object({ kept: z.array(z.array(z.number())) }).parse(await read('kept.json'));
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, scratchFolder: scratch };
    const referee = await openModelRunner(checkpoint, { ...settings, overlayFolder: scratch });
    const torch = await openTorchModel(checkpoint, settings, torchWorkers, 'float32');
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
        expectSameAnswers(await answered(runner, plan), await answered(referee, plan));
      }
      const extras = ['peaks', 'routed-outputs', 'residual', 'every-output', 'elimination', 'choices'] as const;
      for (const given of [items, weightedItems])
        expectSameStatistics(
          await runner.profile(given, control, extras),
          await referee.profile(given, control, extras),
          extras,
        );
      expectSameStatistics(await runner.profile(items, control), await referee.profile(items, control), []);
      if (!plain.includes(name)) return;
      const times = [
        [1, 0, 2, 1, 0],
        [0, 1, 1, 1, 2],
      ];
      const draws = await referee.profileDraws(weightedItems, times, control, ['peaks']);
      (await runner.profileDraws(weightedItems, times, control, ['peaks'])).forEach((draw, index) => {
        expect([draw.items, draw.tokens]).toEqual([draws[index]?.items, draws[index]?.tokens]);
        for (const sum of ['reapSum', 'peakOutputs'] as const) expectClose(draw[sum] ?? [], draws[index]?.[sum] ?? []);
      });
      const others = await otherPlans(checkpoint, kept, referee, overlaysIn(scratch));
      const refitted = await runner.recover(kept, items, ['items'], control, 'router+experts');
      for (const plan of [...others, refitted, await runner.recover(others[1] ?? kept, items, ['items'], control)]) {
        expectSameAnswers(await answered(runner, plan), await answered(referee, plan));
        expect(await written(runner, tokens, plan)).toEqual(await written(referee, tokens, plan));
      }
    } finally {
      await referee.dispose();
      await torch.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test(
  'batches shrink once when the memory is full; the second time the work ends with what would fit',
  async () => {
    const folder = await temporaryFolder();
    // PyTorch as on a device whose memory holds only this number of tokens at once.
    const patch = [
      'import os',
      'import torch',
      'own, most = torch.nn.functional.embedding, int(os.environ["MOST_TOKENS"])',
      'def embedding(tokens, *rest, **named):',
      '    if tokens.numel() > most:',
      '        raise torch.OutOfMemoryError(f"Tried {tokens.numel()} tokens.")',
      '    return own(tokens, *rest, **named)',
      'torch.nn.functional.embedding = embedding',
    ];
    await writeFile(path.join(folder, 'sitecustomize.py'), patch.join('\n'));
    const checkpoint = await openCheckpoint(model);
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, scratchFolder: folder };
    const referee = await openModelRunner(checkpoint, { ...settings, overlayFolder: folder });
    const many = Array.from({ length: 40 }, (_, index): ChoiceItem => ({
      ...(items[index % items.length] ?? expect.fail('no items')),
      id: String(index),
      context: `${'a number '.repeat(10)}${'ab'.repeat(index)}:`,
    }));
    const rows = Array.from({ length: 400 }, (_, index) => ({
      tokens: Array.from({ length: 8 }, (_token, at) => 3 + ((index + at) % 20)),
      candidate: 'plan',
      mostNewTokens: 3,
    }));
    const works: Readonly<Record<string, (runner: ModelRunner) => Promise<unknown>>> = {
      answers: async (runner) => {
        const given = await runner.evaluate(many, [{ key: 'plan', plan: null }], control);
        return given.get('plan')?.map((outcome) => (outcome.kind === 'choice' ? outcome.chosen : null));
      },
      profile: async (runner) => [...(await runner.profile(many, control)).counts],
      texts: async (runner) => {
        const texts: unknown[] = [];
        for await (const { row, tokens } of runner.decode(rows, [{ key: 'plan', plan: null }], control))
          texts[row] = [...tokens];
        return texts;
      },
    };
    try {
      for (const [most, isEnough] of [
        ['1600', true],
        ['200', false],
      ] as const) {
        vi.stubEnv('PYTHONPATH', folder);
        vi.stubEnv('MOST_TOKENS', most);
        const limited = new TorchWorkers({ python, script, device: 'cpu', threads: 1 }, { keepsOne: true });
        try {
          await limited.computedBy();
          for (const [name, work] of Object.entries(works)) {
            const torch = await openTorchModel(checkpoint, settings, limited, 'float32');
            const said: string[] = [];
            const result = work(torch.runner(overlaysIn(folder), (text) => said.push(text)));
            if (isEnough) expect([name, await result]).toEqual([name, await work(referee)]);
            else
              await expect(result).rejects.toMatchObject({
                code: 'torch-memory',
                message: expect.stringContaining('was full again, with batches of half their size. Tried'),
                remedy: expect.stringContaining('The weights of uncurl-8 take 0.0 GB in float32'),
              });
            expect(said).toEqual([expect.stringContaining('full: batches have half their size from now on. Tried')]);
            await torch.dispose();
          }
        } finally {
          await limited.dispose();
        }
      }
    } finally {
      vi.unstubAllEnvs();
      await referee.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test(
  'two processes share work out and give the same bits as one; texts join where others end',
  async () => {
    const folder = await temporaryFolder();
    const checkpoint = await openCheckpoint(model);
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, scratchFolder: folder };
    const many = Array.from({ length: 60 }, (_, index): ChoiceItem => ({
      ...(items[index % items.length] ?? expect.fail('no items')),
      id: String(index),
      context: `${'ab'.repeat(index)} is:`,
    }));
    const plan = { kept: checkpoint.descriptor.moeLayers.map(() => [0, 1, 3, 6]) };
    const rows = Array.from({ length: 300 }, (_, index) => ({
      tokens: Array.from({ length: 3 + (index % 9) }, (_token, at) => 3 + ((index + at) % 20)),
      candidate: index % 100 === 0 ? 'unpruned' : 'plan',
      mostNewTokens: index === 7 ? 50 : 6,
      // The first ones end after one to four tokens.
      isDone: (tokens: readonly number[]): boolean => index !== 7 && tokens.length > index % 4,
    }));
    const candidates = [
      { key: 'unpruned', plan: null },
      { key: 'plan', plan },
    ];
    const measured = async (device: string): Promise<readonly unknown[]> => {
      const team = new TorchWorkers({ python, script, device, threads: 1 }, { keepsOne: true });
      const torch = await openTorchModel(checkpoint, settings, team, 'float32');
      const runner = torch.runner(overlaysIn(folder));
      try {
        const texts: unknown[] = [];
        for await (const { row, tokens } of runner.decode(rows, candidates, control)) texts[row] = [...tokens];
        return [
          [...(await runner.evaluate(many, candidates, { ...control, fidelity: 'many' }))],
          await runner.profile(many, control, ['peaks', 'routed-outputs', 'choices']),
          await runner.forward([[3, 4, 5], [6, 7], [8]], plan, control),
          texts,
        ];
      } finally {
        await torch.dispose();
        await team.dispose();
      }
    };
    for (const missing of ['auto', 'cuda:0,cuda:99'])
      await expect(
        new TorchWorkers({ python, script, device: missing, threads: 1 }, { keepsOne: false }).computedBy(),
      ).rejects.toMatchObject({
        code: 'no-such-device',
        message: expect.stringMatching(/PyTorch finds no CUDA card here|so there is no cuda:99/),
      });
    const one = await measured('cpu');
    expect(await measured('cpu,cpu')).toEqual(one);
    const referee = await openModelRunner(checkpoint, { ...settings, overlayFolder: folder });
    const texts: unknown[] = [];
    for await (const { row, tokens } of referee.decode(rows.slice(0, 40), candidates, control))
      texts[row] = [...tokens];
    await referee.dispose();
    expect(z.array(z.unknown()).parse(one[3]).slice(0, 40)).toEqual(texts);
  },
  TEST_LIMIT_MS,
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
    TEST_LIMIT_MS,
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
      expect(await refusal(model, ['--precision', 'bfloat16'])).toContain('onnxruntime has no products in bfloat16');
      expect(await refusal(model, ['--python', python])).toContain('--python is for --engine torch alone');
      expect(await refusal(model, ['--engine', 'torch'], { UNCURL_WORKSPACE: folder })).toContain(
        `No Python is named, and ${path.join(folder, 'python')} contains none.`,
      );
      expect(await refusal(model, [...torch, '--device', 'webgpu'])).toContain(
        '--device "webgpu" is not one of these with --engine torch: cpu, cuda:N, several such as cuda:0,cuda:1',
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
    },
    TEST_LIMIT_MS,
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
    'generate draws the texts that onnxruntime draws',
    async () => {
      const folder = await temporaryFolder();
      const requests = path.join(folder, 'requests.jsonl');
      const lines = ['\nplural camera>', '\nplural victim>', '\n3+4='].map((context, index) =>
        JSON.stringify({ id: String(index), context, until: ['\n'], maxNewTokens: 8 }),
      );
      await writeFile(requests, `${lines.join('\n')}\n`);
      const drawn = async (name: string, ...options: readonly string[]): Promise<string> => {
        const out = path.join(folder, name);
        const sampling = ['--sample', 'temperature=3,seed=1', '--repeats', '4'];
        const command = ['generate', 'uncurl-8', '--requests', requests, '--out', out, ...sampling, ...options];
        const { code, stderr } = await uncurl(command);
        expect([code, stderr]).toEqual([0, expect.anything()]);
        return readFile(out, 'utf8');
      };
      const texts = await drawn('onnxruntime.jsonl');
      expect(
        new Set(
          texts
            .trim()
            .split('\n')
            .map((line) => (JSON.parse(line) as { text: string }).text),
        ).size,
      ).toBeGreaterThan(3);
      const options = ['--engine', 'torch', '--python', python, '--precision', 'float32'];
      expect(await drawn('torch.jsonl', ...options)).toBe(texts);
    },
    TEST_LIMIT_MS,
  );

  test(
    'a killed worker ends the command with exit code 1',
    async () => {
      const { engine, worker } = await started();
      process.kill(worker, 'SIGKILL');
      const { code, stderr } = await engine.ended;
      expect([code, stderr]).toEqual([1, expect.stringContaining('The PyTorch process ended (SIGKILL)')]);
    },
    TEST_LIMIT_MS,
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
    TEST_LIMIT_MS,
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
    TEST_LIMIT_MS,
  );

  const torch = ['--engine', 'torch', '--python', python];
  const sweepOf = (tasks: readonly string[], workspace: string, ...options: readonly string[]): readonly string[] => [
    ...['sweep', model, ...tasks.flatMap((task) => ['--task', task]), '--factors', '1,2', '--workspace', workspace],
    ...['--threads', '1', '--method', 'frequency', '--method', 'reap', ...options],
  ];
  const manifestIn = async (workspace: string, index = 0) => {
    const runs = (await readdir(path.join(workspace, 'runs'))).sort();
    const text = await readFile(path.join(workspace, 'runs', runs[index] ?? '', 'manifest.json'), 'utf8');
    return runManifest.parse(JSON.parse(text));
  };

  test(
    'a sweep of choices and of written answers has the numbers of onnxruntime',
    async () => {
      const workspace = await temporaryFolder();
      const tasks = ['add', 'french-written'];
      const exact = ['--precision', 'float32', '--method', 'hc-smoe', '--method', 'mone', '--fidelity'];
      const { code, stdout, stderr } = await uncurl(
        sweepOf(tasks, workspace, ...torch, ...exact, '--limit', '40', '--referee', '10'),
      );
      expect([code, stderr]).toEqual([0, expect.stringContaining('Computes with PyTorch ')]);
      expect(stdout).toContain('Referee: onnxruntime in float32 gave 20 answers of this sweep too');
      expect(stdout).toContain("and 0 of them differ from PyTorch's in float32");
      const { id, device, versions } = await manifestIn(workspace);
      expect(device).toMatchObject({ provider: 'cpu', precision: 'float32', engine: { name: 'torch', python } });
      expect(Object.keys(versions)).toEqual(expect.arrayContaining(['onnxruntime', 'torch', 'transformers', 'worker']));
      // Every value, threshold, answer and text again, by onnxruntime.
      const again = await uncurl(['reproduce', id, '--workspace', workspace, '--threads', '1', '--json']);
      const found = reproduction.parse(JSON.parse(again.stdout));
      expect(found).toMatchObject({ points: 10, changed: [], flipped: [], thresholds: [], missing: [], added: [] });
      expect([found.items, found.rewritten, found.replanned]).toEqual([400, [], []]);
      // The referee's note is no difference: onnxruntime has none.
      expect(found.fields.changed.map(({ field }) => field)).not.toContain('notes');
      expect([found.before.device.engine?.name, found.after.device.engine]).toEqual(['torch', undefined]);
      expect([found.before.versions['torch'], found.after.versions['torch']]).toEqual([expect.any(String), undefined]);
    },
    TEST_LIMIT_MS,
  );

  test(
    'verify proves an export in PyTorch, and refuses what is not run; baseline has the numbers of onnxruntime',
    async () => {
      const folder = await temporaryFolder();
      const plan = path.join(folder, 'plan.json');
      const kept = Array.from({ length: 3 }, () => [0, 2, 3, 7]);
      await writeFile(plan, JSON.stringify({ kept }));
      const exported = path.join(folder, 'half');
      const asked = ['--task', 'plural', '--task', 'plural-written', '--referee', '15'];
      const exporting = ['export', model, '--plan', plan, '--out', exported, '--threads', '1', ...asked];
      const made = await uncurl([...exporting, ...torch, '--precision', 'float32', '--json']);
      expect([made.code, made.stderr]).toEqual([0, expect.anything()]);
      // In float32 both engines give the same answers: the limit is 1 - 0.05^(1/30).
      const referee = { precision: 'float32', seed: 0, answers: 30, atMost: expect.closeTo(0.095, 4), flips: [] };
      expect(JSON.parse(made.stdout)).toMatchObject({
        verification: { ok: true, referee },
        engine: { name: 'torch', precision: 'float32' },
      });
      expect(await readFile(path.join(exported, 'README.md'), 'utf8')).toContain(
        'Referee: onnxruntime in float32 gave 30 answers of the export too',
      );
      const verify = ['verify', exported, '--against', model, '--plan', plan, '--threads', '1'];
      const proven = await uncurl([...verify, ...torch, '--precision', 'bfloat16', '--json', ...asked]);
      expect([proven.code, proven.stderr]).toEqual([0, expect.anything()]);
      expect(JSON.parse(proven.stdout)).toMatchObject({
        ok: true,
        sameExperts: true,
        sameTensors: true,
        problems: [],
        referee: { precision: 'bfloat16', answers: 30, flips: expect.any(Array) },
        engine: { name: 'torch', precision: 'bfloat16', device: 'cpu' },
      });
      // Other bytes are another model to PyTorch too.
      await writeFile(path.join(folder, 'other.json'), JSON.stringify({ kept: kept.map(() => [0, 2, 3, 6]) }));
      const other = await uncurl([...verify.slice(0, -3), path.join(folder, 'other.json'), ...torch]);
      expect([other.code, other.stdout]).toEqual([1, expect.stringContaining('instead of')]);
      await writeFile(path.join(exported, 'model.onnx'), '');
      expect(await uncurl([...verify, ...torch])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('The engine torch does not do this yet: verifying an ONNX graph.'),
      });
      const few = path.join(folder, 'few.jsonl');
      const lines = await readFile(path.join(resources, 'tasks', 'plural', 'test.jsonl'), 'utf8');
      await writeFile(few, `${lines.split('\n').slice(0, 12).join('\n')}\n`);
      const baseline = ['baseline', model, '--task', few, '--threads', '1', '--json'];
      const rows = async (...options: readonly string[]): Promise<unknown> => {
        const { code, stdout, stderr } = await uncurl([...baseline, ...options]);
        expect([code, stderr]).toEqual([0, expect.anything()]);
        return (JSON.parse(stdout) as { tasks: unknown }).tasks;
      };
      expect(await rows(...torch, '--precision', 'float32')).toEqual(await rows());
    },
    TEST_LIMIT_MS,
  );

  test(
    'a sweep ends with its memory, worker, engine or both: nothing is left running, its steps stay, resume goes on',
    async () => {
      const workspace = await temporaryFolder();
      const full = await temporaryFolder();
      // PyTorch as on a device whose memory is full from then on, where a variable asks for it. All processes of the
      // run start with this code: it is a part of the environment, which has to be the same for a run to go on.
      const patch = [
        'import os',
        'if os.environ.get("MEMORY_IS_FULL"):',
        '    import torch',
        '    own, calls = torch.nn.functional.embedding, []',
        '    def embedding(*given, **named):',
        '        calls.append(1)',
        '        if len(calls) > 20:',
        '            raise torch.OutOfMemoryError("Tried to allocate 2 GiB.")',
        '        return own(*given, **named)',
        '    torch.nn.functional.embedding = embedding',
      ];
      const environment = { PYTHONPATH: full };
      await writeFile(path.join(full, 'sitecustomize.py'), patch.join('\n'));
      let stored: readonly string[] = [];
      const expectKept = async (): Promise<void> => {
        const now = await readdir(path.join(workspace, 'steps'), { recursive: true });
        expect(now).toEqual(expect.arrayContaining([...stored]));
        expect(now.length).toBeGreaterThan(stored.length);
        stored = now;
      };
      const expectGone = (pid: number): Promise<void> =>
        vi.waitFor(() => {
          expect(isAlive(pid)).toBe(false);
        }, patiently);
      const tasks = ['add', 'bracket', 'french', 'german', 'mood', 'plural'];
      const crowded = await uncurl(sweepOf(tasks, workspace, ...torch), { ...environment, MEMORY_IS_FULL: '1' });
      expect([crowded.code, crowded.stderr]).toEqual([1, expect.stringContaining('with batches of half their size')]);
      const { id, state } = await manifestIn(workspace);
      expect(state).toBe('failed');
      await expectKept();

      const resume = ['resume', id, '--workspace', workspace, '--threads', '1'];
      // Without the code that Python starts with, it is another environment.
      const elsewhere = await uncurl(resume);
      expect(elsewhere.code).toBe(2);
      expect(elsewhere.stderr).toMatch(
        /another PyTorch .*: packages of Python [0-9a-f]{12} before, [0-9a-f]{12} now\./,
      );

      /** The run's next process once it says this, stopped, so that it cannot finish meanwhile, and its worker. */
      const resumed = async (said: RegExp, ...options: readonly string[]) => {
        const engine = startUncurl([...resume, ...options], environment);
        await engine.says(said);
        engine.child.kill('SIGSTOP');
        const [worker = expect.fail('no worker runs')] = workersOf(engine.child.pid ?? -1);
        return { engine, worker };
      };

      const first = await resumed(/bracket {2}unpruned/);
      process.kill(first.worker, 'SIGKILL');
      first.engine.child.kill('SIGCONT');
      const { code, stderr } = await first.engine.ended;
      expect([code, stderr]).toEqual([1, expect.stringContaining('The PyTorch process ended (SIGKILL)')]);
      await expectKept();

      const second = await resumed(/french {2}unpruned/);
      second.engine.child.kill('SIGKILL');
      await second.engine.ended;
      await expectGone(second.worker);
      await expectKept();

      const third = await resumed(/german {2}unpruned/, '--take-over');
      process.kill(third.worker, 'SIGKILL');
      third.engine.child.kill('SIGKILL');
      await third.engine.ended;
      await expectGone(third.worker);
      await expectKept();

      const fourth = await resumed(/mood {2}unpruned/, '--take-over');
      fourth.engine.child.kill('SIGCONT');
      fourth.engine.child.kill('SIGINT');
      expect((await fourth.engine.ended).code).toBe(130);
      expect(isAlive(fourth.worker)).toBe(false);
      await expectKept();

      const done = await uncurl(resume, environment);
      expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/steps computed, [1-9]\d* reused/) });
    },
    TEST_LIMIT_MS,
  );
});

test(
  'an engine computes with PyTorch once it is chosen; its profiles are not those of the processor',
  async () => {
    const [workspace, settingsFolder] = [await temporaryFolder(), await temporaryFolder()];
    const engine = await createEngine({
      workspace,
      resources,
      commandLine: 'test',
      threads: 1,
      settingsFile: path.join(settingsFolder, 'settings.json'),
    });
    try {
      const chosen = { python: engine.grantPath(python), precision: 'bfloat16', device: 'cpu' } as const;
      await engine.call('devices.use', { torch: chosen });
      expect(await engine.call('engine.facts', {})).toMatchObject({
        device: { provider: 'cpu', precision: 'bfloat16', engine: { name: 'torch', python } },
        versions: { torch: expect.any(String) },
      });
      expect((await engine.call('devices.list', {})).filter(({ used }) => used)).toEqual([]);
      const subject = {
        model: engine.grantPath(model),
        tasks: [engine.grantPath(path.join(resources, 'tasks', 'add'))],
      };
      const { run } = await engine.call('profile.start', { ...subject, methods: ['easy-ep'] });
      expect(await engine.finished(run)).toMatchObject({
        state: 'done',
        device: { precision: 'bfloat16', engine: { name: 'torch' } },
      });
      expect(await engine.call('profile.read', subject)).toHaveLength(1);
      await engine.call('devices.use', { provider: 'cpu' });
      expect(await engine.call('profile.read', subject)).toEqual([]);
    } finally {
      await engine.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test(
  'refuses what PyTorch cannot do before a run exists; damage, side by side and an experiment are those of onnxruntime',
  async () => {
    const [workspace, folder] = [await temporaryFolder(), await temporaryFolder()];
    const own = { workspace, resources, commandLine: 'test', threads: 1, settingsFile: path.join(folder, 's.json') };
    const engineOn = (named: string, device: string) =>
      createEngine({ ...own, torch: { python: named, device, precision: 'float32' } });
    const bare = path.join(folder, 'bare-python');
    await writeFile(bare, `#!/bin/sh\nexec "${python}" -S "$@"\n`, { mode: 0o755 });
    await expect(engineOn(bare, 'cpu')).rejects.toMatchObject({ kind: 'refused', message: `${bare} has no torch.` });
    await expect(engineOn(python, 'cuda:99')).rejects.toMatchObject({ code: 'no-such-device' });

    const engine = await engineOn(python, 'cpu');
    const [small, large] = ['uncurl-8', 'uncurl-16'].map((name) =>
      engine.grantPath(path.join(resources, 'models', name)),
    );
    if (small === undefined || large === undefined) expect.fail('no models');
    const task = engine.grantPath(path.join(resources, 'tasks', 'plural'));
    try {
      const strange = path.join(folder, 'kimi');
      await cp(path.join(references, 'kimi_k2'), strange, { recursive: true });
      for (const file of ['tokenizer.json', 'tokenizer_config.json'])
        await cp(path.join(model, file), path.join(strange, file));
      const damageOf = (of: typeof small) =>
        engine.call('damage.start', { model: of, task, layer: 1, experts: [2, 5] });
      await expect(damageOf(engine.grantPath(strange))).rejects.toMatchObject({
        code: 'torch-architecture',
        message: expect.stringContaining('has no class for the model type "kimi_k2" of kimi.'),
      });
      const settings = { methods: ['hc-smoe'], options: { 'hc-smoe': { router: 'summed-probabilities' } } };
      const experimentOf = (given: object) =>
        engine.call('experiment.start', {
          models: [small, large],
          tasks: [task],
          python: null,
          mixture: null,
          settings: experimentSettings.parse({ treatments: ['as-is'], training: {}, limit: 40, ...given }),
        });
      await expect(experimentOf(settings)).rejects.toMatchObject({ code: 'not-with-torch' });
      expect(await engine.call('runs.list', {})).toEqual([]);

      const measured = async () => {
        const damage = await damageOf(small);
        await engine.finished(damage.run);
        const plans = [
          {
            name: 'few',
            plan: {
              kept: [
                [0, 1, 2, 3],
                [0, 1, 2, 3],
                [0, 1, 2, 3],
              ],
            },
          },
        ];
        const beside = await engine.call('beside.start', { model: small, prompt: '\nplural camera>', plans });
        await engine.finished(beside.run);
        const { run } = await experimentOf({ methods: ['easy-ep'] });
        await engine.finished(run);
        const again = await engine.call('experiment.reproduce', { run });
        await engine.finished(again.run);
        const { reproduction: repeated } = await engine.call('experiment.read', { run: again.run });
        expect(repeated).toMatchObject({ matches: true, missing: [], changed: [] });
        const { columns } = await engine.call('beside.read', { run: beside.run });
        const { arms } = await engine.call('experiment.read', { run });
        return {
          damage: await engine.call('damage.read', { run: damage.run }),
          texts: columns.map(({ tokens }) => tokens.map(({ token }) => token)),
          arms: arms.map(({ model: name, treatment, right }) => [name, treatment, right]),
        };
      };
      const byTorch = await measured();
      expect((await engine.call('runs.list', {})).map(({ device }) => device.engine?.name)).toEqual(
        Array.from({ length: 4 }, () => 'torch'),
      );
      await engine.call('devices.use', { provider: 'cpu' });
      expect(byTorch).toEqual(await measured());
    } finally {
      await engine.dispose();
    }
  },
  TEST_LIMIT_MS,
);
