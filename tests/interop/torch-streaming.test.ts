import { execFileSync } from 'node:child_process';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { torchVerdict } from '../../main/contract/model.ts';
import type { Plan } from '../../main/contract/plan.ts';
import type { ForwardResult, ModelRunner } from '../../main/inference/model-runner.ts';
import { TorchModel } from '../../main/torch/torch-model.ts';
import type { WorkerAnswer } from '../../main/torch/worker-link.ts';
import { writeSyntheticCheckpoint } from '../bench/synthetic-checkpoint.ts';
import { TEST_LIMIT_MS } from '../hang-limit.ts';
import { openModelRunner, overlaysIn } from '../open-model-runner.ts';
import { resources, temporaryFolder } from '../integration/run-uncurl.ts';
import { streamed, torchWorkers, withTorchRunner } from '../torch-engine.ts';
import { expectClose, items } from './same-statistics.ts';

/** Models whose blocks take turns in PyTorch's memory, and quantised ones: the numbers are those of the whole model. */

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const references = path.join(fixtures, 'reference', 'checkpoints');
const control = { signal: new AbortController().signal };
const BUDGET_BYTES = 1e11;

const withRunner = async <T>(checkpoint: Checkpoint, work: (runner: ModelRunner) => Promise<T>): Promise<T> =>
  withTorchRunner(checkpoint, await temporaryFolder(), work);

const sequences = Array.from({ length: 5 }, (_, row) =>
  Array.from({ length: 6 + row }, (_token, at) => (3 + 7 * at + 5 * row) % 32),
);
/** Three contexts, two of them with several continuations. */
const requests = sequences.flatMap((tokens, row) =>
  [0, 1].map((turn) => ({
    id: `${row} ${turn}`,
    contextTokens: row < 2 ? tokens.slice(0, 4) : tokens.slice(0, -2),
    continuationTokens: [...tokens.slice(-2), turn],
  })),
);

const half = ({ info, descriptor }: Checkpoint): Plan => ({
  kept: descriptor.moeLayers.map(({ moe }, layer) =>
    Array.from({ length: moe.experts }, (_, expert) => expert).filter(
      (expert) => info.experts < 4 || expert % 2 === layer % 2,
    ),
  ),
});

const numbersOf = async (runner: ModelRunner, plans: readonly (Plan | null)[]): Promise<readonly unknown[]> => {
  const seen: unknown[] = [];
  for (const plan of plans)
    seen.push(await runner.forward(sequences, plan, control), await runner.score(requests, plan, control));
  return seen;
};

describe('block by block', () => {
  test.each(['mixtral', 'deepseek_v3', 'qwen3_next', 'gemma4-text', 'llama4-text', 'deepseek_v3-fp8'])(
    '%s gives bit for bit what it gives as a whole, unpruned and pruned',
    async (name) => {
      const checkpoint = await openCheckpoint(path.join(references, name));
      const plans = [null, half(checkpoint), null];
      const whole = await withRunner(checkpoint, (runner) => numbersOf(runner, plans));
      expect(await withRunner(streamed(checkpoint), (runner) => numbersOf(runner, plans))).toEqual(whole);
    },
    TEST_LIMIT_MS,
  );
});

test(
  'answers, statistics and texts block by block, under every kind of plan',
  async () => {
    const folder = path.join(await temporaryFolder(), 'olmoe');
    await cp(path.join(references, 'olmoe'), folder, { recursive: true });
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(path.join(resources, 'models', 'uncurl-8', file), path.join(folder, file));
    const checkpoint = await openCheckpoint(folder);
    const kept = half(checkpoint);
    const groups = checkpoint.descriptor.moeLayers.map(({ moe: { experts } }) =>
      Array.from({ length: experts / 2 }, (_, at) => ({
        members: [2 * at, 2 * at + 1],
        reference: 2 * at,
        weights: [1, 2],
      })),
    );
    const plans: readonly (Plan | null)[] = [
      null,
      kept,
      { ...kept, gates: { kind: 'trained' } },
      { groups, router: 'mean-row', align: false },
    ];
    const extras = ['peaks', 'routed-outputs', 'residual', 'every-output', 'elimination', 'choices'] as const;
    const all = async (runner: ModelRunner): Promise<readonly unknown[]> => {
      const seen: unknown[] = [await runner.profile(items, control, extras), await runner.profile(items, control)];
      for (const plan of plans) {
        seen.push(await runner.evaluate(items, [{ key: 'plan', plan }], { ...control, fidelity: 'items' }));
        const rows = sequences.map((tokens) => ({ tokens, candidate: 'plan', mostNewTokens: 3 }));
        for await (const row of runner.decode(rows, [{ key: 'plan', plan }], control)) seen.push(row);
      }
      return seen;
    };
    expect(await withRunner(streamed(checkpoint), all)).toEqual(await withRunner(checkpoint, all));
  },
  TEST_LIMIT_MS,
);

test(
  'few blocks are in memory at once, and passes side by side read them once',
  async () => {
    const checkpoint = streamed(await openCheckpoint(path.join(references, 'qwen3_next')));
    const model = await TorchModel.start(checkpoint, torchWorkers, 'float32', BUDGET_BYTES);
    const asked = (): Promise<readonly WorkerAnswer[]> =>
      Promise.all(
        sequences.map((tokens) =>
          model.request(
            0,
            'forward',
            { last: true, together: sequences.length },
            { tokens: { shape: [tokens.length], values: Int32Array.from(tokens) } },
            control.signal,
          ),
        ),
      );
    try {
      await model.load(null, overlaysIn(await temporaryFolder()), control.signal);
      await asked();
      const { header } = await model.request(0, 'held', {}, {}, control.signal);
      const { blocks } = checkpoint.descriptor;
      const { parameters } = checkpoint.info;
      expect(header['filled']).toBe(blocks.length);
      expect(header['mostBytes']).toBeGreaterThan(0);
      expect(header['mostBytes']).toBeLessThan((2.5 * 4 * parameters.total) / blocks.length);
    } finally {
      await model.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test(
  'distributions are compared within the memory that the verdict says',
  async () => {
    const folder = path.join(await temporaryFolder(), 'mixtral');
    const shape = { hidden: 128, layers: 3, heads: 4, keyValueHeads: 2, experts: 4, topK: 2, width: 128 };
    await writeSyntheticCheckpoint(folder, { ...shape, vocabulary: 8000, maxPositions: 512, dtype: 'BF16' }, 5);
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await cp(path.join(resources, 'models', 'uncurl-8', file), path.join(folder, file));
    const checkpoint = await openCheckpoint(folder);
    const given = streamed(checkpoint);
    // Beside the process itself.
    const { kind, needBytes } = torchVerdict(given.info, { precision: 'float32', isOnProcessor: false }, BUDGET_BYTES);
    const long = Array.from({ length: 16 }, (_, row) => ({
      id: String(row),
      contextTokens: [row],
      continuationTokens: Array.from({ length: 255 }, (_token, at) => (7 * at + 31 * row) % 8000),
    }));
    const candidates = [{ key: 'half', plan: half(checkpoint) }];
    const taken = await withRunner(given, async (runner) => {
      await runner.score(requests, null, control);
      const worker = execFileSync('pgrep', ['-n', '-P', String(process.pid), '-f', 'worker.py'], { encoding: 'utf8' });
      const processFile = (name: string): string => path.join('/proc', worker.trim(), name);
      const bytesOf = async (line: string): Promise<number> =>
        1024 * Number(new RegExp(`${line}:\\s+(\\d+)`).exec(await readFile(processFile('status'), 'utf8'))?.[1]);
      // The most memory so far is forgotten.
      await writeFile(processFile('clear_refs'), '5');
      const before = await bytesOf('VmRSS');
      await runner.compareTokens(long, candidates, { ...control, fidelity: 'tokens' });
      return (await bytesOf('VmHWM')) - before;
    });
    expect(kind).toBe('streamed');
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(needBytes);
  },
  TEST_LIMIT_MS,
);

const quantised = [
  ...(await readdir(path.join(fixtures, 'compressed-tensors'))).map((name) => path.join('compressed-tensors', name)),
  ...(await readdir(path.join(fixtures, 'packed-columns'))).map((name) => path.join('packed-columns', name)),
  path.join('reference', 'checkpoints', 'deepseek_v3-fp8-partial-blocks'),
].filter((name) => !name.endsWith('.md') && !name.endsWith('.py') && !name.endsWith('.json'));

describe('quantised with scales', () => {
  test.each(quantised)(
    '%s: logits of onnxruntime as a whole, and bit for bit the same block by block',
    async (name) => {
      const scratch = await temporaryFolder();
      const checkpoint = await openCheckpoint(path.join(fixtures, name));
      const settings = { threads: 1, memoryBudgetBytes: BUDGET_BYTES, scratchFolder: scratch, overlayFolder: scratch };
      const referee = await openModelRunner(checkpoint, settings);
      try {
        const wanted = await referee.forward(sequences, null, control);
        const logitsOf = (given: Checkpoint): Promise<readonly ForwardResult[]> =>
          withRunner(given, (runner) => runner.forward(sequences, null, control));
        const whole = await logitsOf(checkpoint);
        for (const [at, { logits }] of whole.entries()) expectClose(logits, wanted[at]?.logits ?? []);
        expect(await logitsOf(streamed(checkpoint))).toEqual(whole);
      } finally {
        await referee.dispose();
      }
    },
    TEST_LIMIT_MS,
  );
});
