import { readdirSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { gatesInput, hasPlainRows } from '../../main/checkpoint/routing.ts';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor, readTensorBytes } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import type { TensorView } from '../../main/checkpoint/descriptor.ts';
import type { Plan, RouterTreatment } from '../../main/contract/plan.ts';
import { reproduction } from '../../main/contract/reproduction.ts';
import type { ForwardResult, ModelRunner } from '../../main/inference/model-runner.ts';
import type { ExtraStatistic } from '../../main/profile/routing-statistics.ts';
import { TEST_LIMIT_MS } from '../hang-limit.ts';
import { resources, temporaryFolder, uncurl } from '../integration/run-uncurl.ts';
import { openModelRunner } from '../open-model-runner.ts';
import { openTorchRunner, refusedByTorch, unwrittenByTorch } from '../torch-engine.ts';
import { expectClose, expectSameStatistics, items, weightedItems } from './same-statistics.ts';

/**
 * The engine torch in float32 on every reference folder (CHECKPOINTS names others): logits, router logits and choices
 * stored by transformers, unpruned and pruned; scores against onnxruntime, and statistics with every extra over items
 * whose tokens count differently; scores and written tokens of merged models; sweeps of some. With ENGINE=torch
 * `npm run test:checkpoints` runs this file; texts of unpruned and pruned models are in `npm run test:generation`.
 */

const root = process.env['CHECKPOINTS'] ?? fileURLToPath(new URL('../fixtures/reference/checkpoints', import.meta.url));
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const control = { signal: new AbortController().signal };
/** Families whose outputs of experts transformers does not let be observed: they have no profile. */
const withoutProfile = ['longcat_flash', 'step3p7'];

/** Prompts of several lengths, most of them shared by continuations of one to three tokens. */
const requestsFor = (vocabulary: number): readonly Parameters<ModelRunner['score']>[0][number][] =>
  [3, 9, 14, 22].flatMap((length, prompt) =>
    [[1], [2, 3], [4, 5, 6]].map((continuationTokens) => ({
      id: `${String(prompt)} ${String(continuationTokens.length)}`,
      contextTokens: Array.from({ length }, (_, at) => (at * 7 + prompt * 13 + ((at * at * prompt) % 11)) % vocabulary),
      continuationTokens,
    })),
  );

const written = async (runner: ModelRunner, plan: Plan | null): Promise<readonly (readonly number[])[]> => {
  const rows = [3, 5, 5].map((length, index) => ({
    tokens: Array.from({ length }, (_, at) => 2 + at + index),
    candidate: 'plan',
    mostNewTokens: 4 + index,
  }));
  const texts: (readonly number[])[] = [];
  for await (const { row, tokens } of runner.decode(rows, [{ key: 'plan', plan }], control)) texts[row] = tokens;
  return texts;
};

/** Merges of pairs of experts, where the family's can be merged. */
const mergesOf = ({ descriptor, info: { experts, topK } }: Checkpoint): readonly Plan[] => {
  const isMergeable = descriptor.moeLayers.every(
    ({ moe }) =>
      hasPlainRows(moe.routing) &&
      moe.routerBias === null &&
      moe.latent === null &&
      moe.expertTensors.every(
        ({ gate, gateBias, up }) =>
          gate !== null && gateBias === undefined && up.stored.kind === 'plain' && up.select === undefined,
      ) &&
      moe.expertTensors.every(({ up, down }) => up.transposed !== true && down.transposed !== true),
  );
  const pairs = Array.from({ length: Math.ceil(experts / 2) }, (_, pair) =>
    [2 * pair, 2 * pair + 1].filter((expert) => expert < experts),
  );
  if (!isMergeable || pairs.length < topK) return [];
  return (['mean-row', 'mapped-rows'] satisfies RouterTreatment[]).map((router) => ({
    groups: descriptor.moeLayers.map(() =>
      pairs.map((members) => ({ members, reference: members[0] ?? 0, weights: members.map(() => 1) })),
    ),
    router,
    align: false,
  }));
};

const merged: string[] = [];

test.each(folders)(
  '%s',
  async (name) => {
    const folder = path.join(root, name);
    const checkpoint = await openCheckpoint(folder);
    const { descriptor, info } = checkpoint;
    const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(path.join(folder, file), 'utf8'));
    const tokens = z.array(z.array(z.number())).parse(await read('tokens.json'));
    const kept = z.object({ kept: z.array(z.array(z.number())) }).parse(await read('kept.json'));
    const view = async (file: string, tensor: string): Promise<TensorView> =>
      (await readSafetensorsHeader(path.join(folder, file))).tensors.get(tensor) ?? expect.fail(`no ${tensor}`);
    const scratch = await temporaryFolder();
    const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, overlayFolder: scratch };
    const code = refusedByTorch[name];
    if (code !== undefined) {
      const opened = openTorchRunner(checkpoint, scratch).then(async (runner) => {
        try {
          await runner.forward(tokens, null, control);
        } finally {
          await runner.dispose();
        }
      });
      await expect(opened).rejects.toMatchObject({ code });
      return;
    }
    const runner = await openTorchRunner(checkpoint, scratch);
    const referee = await openModelRunner(checkpoint, settings);
    try {
      const compare = async (results: readonly ForwardResult[], file: string): Promise<void> => {
        for (const [index, { logits, routerLogits }] of results.entries()) {
          expectClose(logits, await readTensor(await view(file, `logits.${String(index)}`)));
          expectClose(routerLogits, await readTensor(await view(file, `router_logits.${String(index)}`)));
        }
      };
      const results = await runner.forward(tokens, null, control);
      expect(results).toHaveLength(tokens.length);
      await compare(results, 'reference.safetensors');
      const sorted = (experts: Int32Array): readonly string[] =>
        Array.from({ length: experts.length / info.topK }, (_, token) =>
          [...experts.subarray(token * info.topK, (token + 1) * info.topK)].sort((a, b) => a - b).join(),
        );
      for (const [index, { experts }] of results.entries()) {
        const { buffer } = await readTensorBytes(await view('routing.safetensors', `experts.${String(index)}`));
        expect(sorted(experts)).toEqual(sorted(new Int32Array(buffer)));
      }
      const pruned = await runner.forward(tokens, kept, control);
      await compare(pruned, 'pruned.safetensors');
      const own = (await referee.forward(tokens, kept, control)).map(({ experts }) => sorted(experts));
      expect(pruned.map(({ experts }) => sorted(experts))).toEqual(own);
      // Two keys can tie exactly for the last place that an indexer gives, and the engines then choose differently.
      if (descriptor.blocks.some(({ attention }) => attention?.kind === 'latent' && attention.indexer !== null)) return;
      const merges = mergesOf(checkpoint);
      if (merges.length > 0) merged.push(name);
      const requests = requestsFor(descriptor.vocabulary);
      for (const plan of [null, kept, ...merges]) {
        const [own, other] = [
          await runner.score(requests, plan, control),
          await referee.score(requests, plan, control),
        ];
        expectClose(
          own.map(({ logprob }) => logprob),
          other.map(({ logprob }) => logprob),
        );
        expect(own.map(({ greedy }) => greedy)).toEqual(other.map(({ greedy }) => greedy));
        if (plan === null || plan === kept || unwrittenByTorch.includes(name)) continue;
        expect(await written(runner, plan)).toEqual(await written(referee, plan));
      }
    } finally {
      await runner.dispose();
      await referee.dispose();
    }
  },
  TEST_LIMIT_MS,
);

/** The folder with a tokenizer, which the reference folders lack and calibration items need. */
const withTokenizer = async (folder: string): Promise<Checkpoint> => {
  const linked = await temporaryFolder();
  const own = readdirSync(folder).map((file) => path.join(folder, file));
  const tokenizer = ['tokenizer.json', 'tokenizer_config.json'];
  for (const file of [...own, ...tokenizer.map((file) => path.join(resources, 'models', 'uncurl-8', file))])
    await symlink(file, path.join(linked, path.basename(file)));
  return openCheckpoint(linked);
};

/** Statistics by every expert, and how far layers turn tokens where the family's experts are added as they are. */
const extrasOf = ({ descriptor }: Checkpoint): readonly ExtraStatistic[] => {
  const isAdded = descriptor.moeLayers.every(({ block }) => {
    const own = descriptor.blocks[block];
    return own !== undefined && own.late !== 'gives' && own.hyper === null && own.branchNorms === null;
  });
  // Experts whose inputs are weighted have no outputs without the router.
  const hasOutputs = descriptor.moeLayers.every(({ moe }) => !gatesInput(moe.routing));
  const outputs = hasOutputs ? (['routed-outputs', 'every-output'] as const) : [];
  return ['peaks', ...outputs, ...(isAdded ? (['residual'] as const) : [])];
};

/** Families whose routers transformers does not record as they are. */
test.each(['gemma4', 'llama4', 'deepseek_v4'])(
  '%s: a sweep has the points of onnxruntime',
  async (name) => {
    const { folder } = await withTokenizer(path.join(root, name));
    const workspace = await temporaryFolder();
    const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
    const { code, stderr } = await uncurl([
      ...['sweep', folder, '--task', 'plural', '--limit', '12', '--factors', '1,2', '--method', 'frequency'],
      ...['--method', 'reap', '--engine', 'torch', '--python', python, '--precision', 'float32'],
      ...['--threads', '1', '--workspace', workspace],
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Computes with PyTorch ')]);
    const [id = ''] = readdirSync(path.join(workspace, 'runs'));
    const again = await uncurl(['reproduce', id, '--workspace', workspace, '--threads', '1', '--json']);
    expect(reproduction.parse(JSON.parse(again.stdout))).toMatchObject({
      points: 3,
      changed: [],
      flipped: [],
      thresholds: [],
      missing: [],
      added: [],
      replanned: [],
    });
  },
  TEST_LIMIT_MS,
);

const observed: string[] = [];

test.each(folders.filter((name) => refusedByTorch[name] === undefined))(
  '%s: statistics',
  async (name) => {
    const checkpoint = await withTokenizer(path.join(root, name));
    const { descriptor } = checkpoint;
    const scratch = await temporaryFolder();
    const runner = await openTorchRunner(checkpoint, scratch);
    try {
      const extras = extrasOf(checkpoint);
      const own = runner.profile(weightedItems, control, extras);
      const isLatent = descriptor.moeLayers.some(({ moe }) => moe.latent !== null);
      if (withoutProfile.includes(descriptor.family) || isLatent) {
        await expect(own).rejects.toMatchObject({ code: expect.stringMatching(/^(torch-router|method-unsupported)$/) });
        return;
      }
      const ours = await own;
      // Exact ties of keys (see above) send tokens to other experts.
      if (descriptor.blocks.some(({ attention }) => attention?.kind === 'latent' && attention.indexer !== null)) return;
      const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, overlayFolder: scratch };
      const referee = await openModelRunner(checkpoint, settings);
      try {
        expectSameStatistics(ours, await referee.profile(weightedItems, control, extras), extras);
        expectSameStatistics(await runner.profile(items, control), await referee.profile(items, control), []);
        if (extras.includes('residual')) observed.push(name);
      } finally {
        await referee.dispose();
      }
    } finally {
      await runner.dispose();
    }
  },
  TEST_LIMIT_MS,
);

test('several families were merged too, and most show how far layers turn tokens', () => {
  expect(merged.length).toBeGreaterThan(5);
  expect(observed.length).toBeGreaterThan(folders.length / 2);
});
