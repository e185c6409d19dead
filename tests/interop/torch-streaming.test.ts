import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { Plan } from '../../main/contract/plan.ts';
import type { ModelRunner } from '../../main/inference/model-runner.ts';
import { TorchModel } from '../../main/torch/torch-model.ts';
import type { WorkerAnswer } from '../../main/torch/worker-link.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
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
    HANG_LIMIT_MS,
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
  HANG_LIMIT_MS,
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
  HANG_LIMIT_MS,
);

const quantised = [
  ...(await readdir(path.join(fixtures, 'compressed-tensors'))).map((name) => path.join('compressed-tensors', name)),
  ...(await readdir(path.join(fixtures, 'packed-columns'))).map((name) => path.join('packed-columns', name)),
  path.join('reference', 'checkpoints', 'deepseek_v3-fp8-partial-blocks'),
].filter((name) => !name.endsWith('.md') && !name.endsWith('.py') && !name.endsWith('.json'));

describe('quantised with scales', () => {
  test.each(quantised)(
    '%s: logits of onnxruntime, as a whole and block by block',
    async (name) => {
      const scratch = await temporaryFolder();
      const checkpoint = await openCheckpoint(path.join(fixtures, name));
      const settings = { threads: 1, memoryBudgetBytes: BUDGET_BYTES, scratchFolder: scratch, overlayFolder: scratch };
      const referee = await openModelRunner(checkpoint, settings);
      try {
        const wanted = await referee.forward(sequences, null, control);
        for (const given of [checkpoint, streamed(checkpoint)]) {
          const ours = await withRunner(given, (runner) => runner.forward(sequences, null, control));
          for (const [at, { logits }] of ours.entries()) expectClose(logits, wanted[at]?.logits ?? []);
        }
      } finally {
        await referee.dispose();
      }
    },
    HANG_LIMIT_MS,
  );
});
