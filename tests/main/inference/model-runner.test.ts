import { readdirSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { CancelledError } from '../../../main/contract/errors.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { ChoiceItem, TextItem } from '../../../main/contract/task.ts';
import { encodeRequest } from '../../../main/inference/encode-item.ts';
import { HiddenStore } from '../../../main/inference/hidden-store.ts';
import type { ScoredOutcome } from '../../../main/contract/outcome.ts';
import type { ModelRunner } from '../../../main/inference/model-runner.ts';
import { Session } from '../../../main/inference/session.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import {
  changeableCopy,
  checkpointFixture,
  editJson,
  editTensors,
  makeMixtral,
  scoringFixture,
} from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { logitDifference, numberDifference, openRunner, uncancelled } from './open-runner.ts';

const scored = scoringFixture('mixtral-byte-fallback');
const words = ['the', 'router', 'sends', 'each', 'token', 'to', 'a', 'few', 'experts', 'blue', 'sky', 'naïve', '3.5'];
const random = seededRandom(5);
const phrase = (length: number): string => Array.from({ length }, () => words[random.integer(words.length)]).join(' ');
const items: readonly ChoiceItem[] = Array.from({ length: 24 }, (_, index) => ({
  id: `q${index}`,
  context: phrase(1 + random.integer(10)),
  choices: Array.from({ length: 2 + random.integer(3) }, () => ` ${phrase(1 + random.integer(3))}`),
  answer: 0,
}));
const texts: readonly TextItem[] = Array.from({ length: 4 }, (_, index) => ({
  id: `t${index}`,
  text: phrase(5 + 25 * index),
}));

type Shape = Parameters<typeof makeMixtral>[0];

/** A model with the tokenizer of the scoring fixture. */
const readable = async (shape: Shape): Promise<string> => {
  const folder = await makeMixtral({ vocabulary: 620, ...shape });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(path.join(scored, name), path.join(folder, name));
  return folder;
};
const windowed = (): Promise<string> => readable({ slidingWindow: 4, seed: 3 });

const evaluate = async (runner: ModelRunner, plan: Plan | null): Promise<readonly ScoredOutcome[]> =>
  (await runner.evaluate([...items, ...texts], [{ key: 'only', plan }], uncancelled)).get('only') ?? [];
const logprobs = (outcomes: readonly ScoredOutcome[]): readonly number[] =>
  outcomes.flatMap((outcome) => (outcome.kind === 'choice' ? outcome.logprobs : [outcome.logprob]));

const sequences = (vocabulary: number, lengths: readonly number[], seed: number): readonly (readonly number[])[] => {
  const source = seededRandom(seed);
  return lengths.map((length) => Array.from({ length }, () => source.integer(vocabulary)));
};

describe('token trees', () => {
  it.each([
    ['full attention', () => Promise.resolve(scored)],
    ['a sliding window', windowed],
  ])('give the numbers of one sequence per choice, with %s', async (_what, folder) => {
    const runner = await openRunner(await folder());
    const { tokenizer } = runner;
    if (tokenizer === null) expect.fail('no tokenizer');
    const requests = items.flatMap(({ id, context, choices }) =>
      choices.map((choice) => ({ id, ...encodeRequest(tokenizer, id, context, choice) })),
    );
    const alone = await runner.score(requests, null, uncancelled);
    const together = (await evaluate(runner, null)).flatMap((outcome) =>
      outcome.kind === 'choice' ? outcome.logprobs : [],
    );
    expect(
      numberDifference(
        together,
        alone.map(({ logprob }) => logprob),
      ),
    ).toBeLessThanOrEqual(1e-5);
  });

  it('choose by the sum, and by the sum per character', async () => {
    const runner = await openRunner(scored);
    for (const [index, outcome] of (await evaluate(runner, null)).entries()) {
      if (outcome.kind !== 'choice') continue;
      const perCharacter = outcome.logprobs.map(
        (sum, choice) => sum / Array.from(items[index]?.choices[choice] ?? '').length,
      );
      expect(outcome.chosen).toBe(outcome.logprobs.indexOf(Math.max(...outcome.logprobs)));
      expect(outcome.chosenNorm).toBe(perCharacter.indexOf(Math.max(...perCharacter)));
      expect(outcome).toMatchObject({ id: items[index]?.id, answer: 0, truncatedTokens: 0 });
    }
  });

  it('cut a context that is too long on the left, and report by how much', async () => {
    const runner = await openRunner(scored);
    const long = { id: 'long', context: phrase(200), choices: [' yes', ' no'], answer: 1 };
    const [outcome] = (await runner.evaluate([long], [{ key: 'only', plan: null }], uncancelled)).get('only') ?? [];
    if (outcome?.kind !== 'choice') expect.fail('no outcome');
    expect(outcome.truncatedTokens).toBeGreaterThan(100);
    expect(outcome.logprobs.every(Number.isFinite)).toBe(true);
  });
});

describe('a sliding window', () => {
  it('hides earlier tokens: with one layer, their ids change nothing', async () => {
    const runner = await openRunner(await makeMixtral({ layers: 1, slidingWindow: 4 }));
    const [first, second] = await runner.forward(
      [
        [1, 2, 3, 4, 5, 6, 7],
        [9, 8, 7, 4, 5, 6, 7],
      ],
      null,
      uncancelled,
    );
    const last = (result: typeof first): readonly number[] => [...(result?.logits.slice(-40) ?? [])];
    expect(numberDifference(last(first), last(second))).toBeLessThanOrEqual(1e-6);
    const open = await openRunner(await makeMixtral({ layers: 1 }));
    const [third, fourth] = await open.forward(
      [
        [1, 2, 3, 4, 5, 6, 7],
        [9, 8, 7, 4, 5, 6, 7],
      ],
      null,
      uncancelled,
    );
    expect(numberDifference(last(third), last(fourth))).toBeGreaterThan(1e-3);
  });
});

describe('numbers do not depend on how the work is split', () => {
  const plans: readonly (Plan | null)[] = [
    null,
    {
      kept: [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ],
    },
    {
      kept: [
        [0, 1, 2, 3],
        [0, 2, 4, 6],
      ],
    },
    {
      kept: [
        [7, 5, 1],
        [0, 1, 2],
      ],
    },
  ];

  it('slots of 64 and of 2048 agree', async () => {
    const [narrow, wide] = [
      await openRunner(scored, { batchSlots: 64 }),
      await openRunner(scored, { batchSlots: 2048 }),
    ];
    expect(
      numberDifference(logprobs(await evaluate(narrow, null)), logprobs(await evaluate(wide, null))),
    ).toBeLessThanOrEqual(1e-5);
    expect(
      (await evaluate(narrow, null)).map((outcome) => (outcome.kind === 'choice' ? outcome.chosen : null)),
    ).toEqual((await evaluate(wide, null)).map((outcome) => (outcome.kind === 'choice' ? outcome.chosen : null)));
  });

  it('candidates together equal the candidates alone, bit for bit', async () => {
    const runner = await openRunner(scored);
    const candidates = plans.map((plan, index) => ({ key: `c${index}`, plan }));
    const together = await runner.evaluate([...items, ...texts], candidates, uncancelled);
    expect([...together.keys()]).toEqual(['c0', 'c1', 'c2', 'c3']);
    for (const { key, plan } of candidates) expect(together.get(key)).toEqual(await evaluate(runner, plan));
    const different = new Set([...together.values()].map((outcomes) => JSON.stringify(outcomes)));
    expect(different.size).toBe(4);
  });

  it('the same call twice is bitwise equal', async () => {
    const runner = await openRunner(scored);
    expect(await evaluate(runner, null)).toEqual(await evaluate(runner, null));
  });

  it('calls at the same time are bitwise equal to calls one after the other', async () => {
    const runner = await openRunner(scored, { batchSlots: 64 });
    const alone: unknown[] = [];
    for (const plan of plans) alone.push(await evaluate(runner, plan));
    expect(await Promise.all(plans.map((plan) => evaluate(runner, plan)))).toEqual(alone);
  });

  it.each(['mixtral', 'mixtral-bf16-sharded', 'mixtral-fused', 'mixtral-window'])(
    '%s streamed is bit for bit resident',
    async (name) => {
      const [resident, streamed] = [
        await openRunner(checkpointFixture(name)),
        await openRunner(checkpointFixture(name), { streamed: true }),
      ];
      const input = sequences(96, [1, 2, 17, 40, 64], 7);
      for (const plan of [
        null,
        {
          kept: [
            [0, 1, 2, 3],
            [4, 5, 6, 7],
          ],
        },
      ]) {
        expect(await streamed.forward(input, plan, uncancelled)).toEqual(
          await resident.forward(input, plan, uncancelled),
        );
      }
    },
  );
});

describe('a layer wide enough for its products to be split', () => {
  const wide = { hidden: 256, width: 16, experts: 40, topK: 4, layers: 2 };

  it('gives the same bits to candidates whose tokens run together as to each alone, on two threads too', async () => {
    const folder = await readable(wide);
    const kept = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);
    const candidates = [null, 4, 7, 20, 33].map((count, index) => ({
      key: `c${index}`,
      plan: count === null ? null : { kept: [kept(index, count), kept(0, count)] },
    }));
    for (const threads of [1, 2]) {
      const runner = await openRunner(folder, { threads });
      const together = await runner.evaluate([...items, ...texts], candidates, uncancelled);
      for (const { key, plan } of candidates) expect(together.get(key)).toEqual(await evaluate(runner, plan));
      expect(new Set([...together.values()].map((outcomes) => JSON.stringify(outcomes))).size).toBe(5);
    }
  });

  it('gives the same bits streamed and resident', async () => {
    const folder = await makeMixtral(wide);
    const [resident, streamed] = [await openRunner(folder), await openRunner(folder, { streamed: true })];
    const input = sequences(40, [1, 9, 64], 7);
    expect(await streamed.forward(input, null, uncancelled)).toEqual(await resident.forward(input, null, uncancelled));
  });

  it.each([false, true])('gives the same bits masked and with experts deleted (streamed: %s)', async (streamed) => {
    const folder = await makeMixtral(wide);
    const kept = [0, 1].map((layer) => Array.from({ length: 23 }, (_, index) => index + 7 * layer));
    const input = sequences(40, [1, 9, 64], 7);
    const masked = await (await openRunner(folder, { streamed })).forward(input, { kept }, uncancelled);
    const deleted = await (
      await openRunner(await deleteExperts(folder, kept), { streamed })
    ).forward(input, null, uncancelled);
    expect(deleted.map(({ logits }) => logits)).toEqual(masked.map(({ logits }) => logits));
  });
});

/**
 * Deletes experts from a per-expert float32 checkpoint by hand: renames tensors, cuts router rows, edits the config.
 */
const deleteExperts = async (folder: string, kept: readonly (readonly number[])[]): Promise<string> => {
  const copy = await changeableCopy(folder);
  await editTensors(path.join(copy, 'model.safetensors'), (tensors) => {
    kept.forEach((experts, layer) => {
      const prefix = `model.layers.${layer}.block_sparse_moe`;
      const router = tensors.get(`${prefix}.gate.weight`);
      const old = new Map([...tensors].filter(([name]) => name.startsWith(`${prefix}.experts.`)));
      for (const name of old.keys()) tensors.delete(name);
      experts.forEach((expert, index) => {
        for (const matrix of ['w1', 'w2', 'w3']) {
          const tensor = old.get(`${prefix}.experts.${expert}.${matrix}.weight`);
          if (tensor !== undefined) tensors.set(`${prefix}.experts.${index}.${matrix}.weight`, tensor);
        }
      });
      if (router === undefined) return;
      const rowBytes = router.bytes.length / (router.shape[0] ?? 1);
      const bytes = Buffer.concat(
        experts.map((expert) => router.bytes.subarray(expert * rowBytes, (expert + 1) * rowBytes)),
      );
      tensors.set(`${prefix}.gate.weight`, { ...router, shape: [experts.length, router.shape[1] ?? 0], bytes });
    });
  });
  await editJson(path.join(copy, 'config.json'), (json) => {
    json['num_local_experts'] = kept[0]?.length;
  });
  return copy;
};

describe('a mask', () => {
  it('equals deleting the experts', async () => {
    const folder = await makeMixtral({ seed: 11 });
    const original = await openRunner(folder);
    const input = sequences(40, [1, 5, 30], 2);
    const keptLists = fc
      .integer({ min: 2, max: 5 })
      .chain((count) =>
        fc.tuple(...[0, 1].map(() => fc.subarray([0, 1, 2, 3, 4, 5], { minLength: count, maxLength: count }))),
      );
    await fc.assert(
      fc.asyncProperty(keptLists, async (kept) => {
        const masked = await original.forward(input, { kept }, uncancelled);
        const deleted = await (await openRunner(await deleteExperts(folder, kept))).forward(input, null, uncancelled);
        expect(logitDifference(masked, deleted)).toBeLessThanOrEqual(1e-6);
        masked.forEach(({ experts }, sequence) => {
          const half = experts.length / 2;
          const renumbered = [...(deleted[sequence]?.experts ?? [])].map(
            (expert, index) => kept[index < half ? 0 : 1]?.[expert],
          );
          expect(renumbered).toEqual([...experts]);
        });
      }),
      { numRuns: 8 },
    );
  });

  it('of all experts is the model itself, bit for bit', async () => {
    const runner = await openRunner(await makeMixtral());
    const input = sequences(40, [9], 2);
    expect(
      await runner.forward(
        input,
        {
          kept: [
            [0, 1, 2, 3, 4, 5],
            [5, 4, 3, 2, 1, 0],
          ],
        },
        uncancelled,
      ),
    ).toEqual(await runner.forward(input, null, uncancelled));
  });
});

describe('a candidate that is evaluated again', () => {
  it('keeps its merged layers open with `goesOn`, until it is released or others are evaluated', async () => {
    const runner = await openRunner(scored);
    const groups = Array.from({ length: 4 }, (_, index) => ({
      members: [2 * index, 2 * index + 1],
      reference: 2 * index,
      weights: [1, 1],
    }));
    const merge: Plan = { groups: [groups, groups], router: 'mapped-rows', align: true };
    const [open, dispose] = [vi.spyOn(Session, 'open'), vi.spyOn(Session.prototype, 'dispose')];
    onTestFinished(() => {
      open.mockRestore();
      dispose.mockRestore();
    });
    const counts = (): readonly number[] => [
      open.mock.calls.filter(([name]) => name.startsWith('block')).length,
      dispose.mock.calls.length,
    ];
    const ask = (part: readonly ChoiceItem[], goesOn: boolean, plan: Plan | null = merge) =>
      runner.evaluate(part, [{ key: 'only', plan }], { ...uncancelled, goesOn });
    const first = await ask(items.slice(0, 4), true);
    expect(counts()).toEqual([2, 0]);
    expect(await ask(items.slice(0, 4), true)).toEqual(first);
    expect(counts()).toEqual([2, 0]);
    await ask(items.slice(0, 4), true, null);
    expect(counts()).toEqual([4, 2]);
    await ask(items.slice(0, 4), true);
    expect(counts()).toEqual([6, 2]);
    await runner.releaseCandidates();
    expect(counts()).toEqual([6, 4]);
    expect(await ask(items.slice(0, 4), false)).toEqual(first);
    expect(counts()).toEqual([8, 6]);
  });
});

describe('a merge', () => {
  const group = (...members: readonly number[]): { members: number[]; reference: number; weights: number[] } => ({
    members: [...members],
    reference: members[0] ?? 0,
    weights: members.map((_, index) => index + 1),
  });

  it('of identical experts changes nothing when every router row stays', async () => {
    const folder = await makeMixtral({ seed: 4, experts: 4 }, (tensors) => {
      for (const layer of [0, 1]) {
        for (const matrix of ['w1', 'w2', 'w3']) {
          for (const [copy, of] of [
            [2, 0],
            [3, 1],
          ]) {
            const name = (expert: number | undefined): string =>
              `model.layers.${layer}.block_sparse_moe.experts.${expert ?? -1}.${matrix}.weight`;
            tensors.get(name(copy))?.floats.set(tensors.get(name(of))?.floats ?? []);
          }
        }
      }
    });
    const runner = await openRunner(folder);
    const input = sequences(40, [1, 7, 33], 8);
    const groups = [
      [group(0, 2), group(1, 3)],
      [group(1, 3), group(0, 2)],
    ];
    const merged = await runner.forward(input, { groups, router: 'mapped-rows', align: true }, uncancelled);
    expect(logitDifference(await runner.forward(input, null, uncancelled), merged)).toBeLessThanOrEqual(1e-6);
  });

  /** Experts 2 and 3 are 0 and 1 with their neurons in another order; `sameRows`: their router rows are equal too. */
  const permutedTwins = (seed: number, topK: number, sameRows: boolean): Promise<string> =>
    makeMixtral({ seed, experts: 4, topK }, (tensors) => {
      for (const layer of [0, 1]) {
        const router = tensors.get(`model.layers.${layer}.block_sparse_moe.gate.weight`) ?? expect.fail('no router');
        const hidden = router.floats.length / 4;
        if (sameRows) router.floats.copyWithin(2 * hidden, 0, 2 * hidden);
        for (const [copy, of] of [
          [2, 0],
          [3, 1],
        ] as const) {
          const matrix = (expert: number, name: string) =>
            tensors.get(`model.layers.${layer}.block_sparse_moe.experts.${expert}.${name}.weight`) ??
            expect.fail('no matrix');
          const width = matrix(of, 'w1').shape[0] ?? 0;
          for (let unit = 0; unit < width; unit += 1) {
            const from = (unit * 5 + 3 + copy) % width;
            for (const name of ['w1', 'w3'])
              matrix(copy, name).floats.set(
                matrix(of, name).floats.subarray(from * hidden, (from + 1) * hidden),
                unit * hidden,
              );
            for (let h = 0; h < hidden; h += 1)
              matrix(copy, 'w2').floats[h * width + unit] = matrix(of, 'w2').floats[h * width + from] ?? 0;
          }
        }
      }
    });
  const twins = [
    [group(0, 2), group(1, 3)],
    [group(1, 3), group(0, 2)],
  ];

  it(
    'of permuted copies loses nothing when every router row stays, whatever the top-k, and much without ' + 'alignment',
    async () => {
      for (const topK of [1, 2]) {
        const runner = await openRunner(await permutedTwins(4, topK, false));
        const input = sequences(40, [1, 7, 33], 8);
        const original = await runner.forward(input, null, uncancelled);
        const merged = (align: boolean) =>
          runner.forward(input, { groups: twins, router: 'mapped-rows', align }, uncancelled);
        // A copy sums its neurons in another order: only float32 rounding differs.
        expect(logitDifference(original, await merged(true))).toBeLessThanOrEqual(1e-5);
        expect(logitDifference(original, await merged(false))).toBeGreaterThan(1e-3);
      }
    },
  );

  it(
    'of permuted copies that the router cannot tell apart loses nothing under top-1 routing, whatever becomes ' +
      'of its rows',
    async () => {
      const runner = await openRunner(await permutedTwins(6, 1, true));
      const input = sequences(40, [1, 7, 33], 8);
      const original = await runner.forward(input, null, uncancelled);
      for (const router of ['reference-row', 'mean-row', 'mapped-rows', 'summed-probabilities'] as const) {
        const merged = await runner.forward(input, { groups: twins, router, align: true }, uncancelled);
        expect(logitDifference(original, merged), router).toBeLessThanOrEqual(1e-5);
      }
    },
  );

  it('has as many router logits as rows, with minus infinity for missing ones', async () => {
    const runner = await openRunner(await makeMixtral());
    const input = sequences(40, [5], 8);
    const groups = [
      [group(0, 1, 2), group(3, 4, 5)],
      [group(0, 1), group(2), group(3, 4, 5)],
    ];
    const [seen] = await runner.forward(input, { groups, router: 'reference-row', align: true }, uncancelled);
    const [whole] = await runner.forward(input, null, uncancelled);
    expect(whole?.routerLogits).toHaveLength(2 * 5 * 6);
    expect(seen?.routerLogits).toHaveLength(2 * 5 * 3);
    const logitOf = (layer: number, token: number, row: number) => seen?.routerLogits[(layer * 5 + token) * 3 + row];
    for (let token = 0; token < 5; token += 1) {
      // The first layer's input is that of the unpruned model, and so are the logits of its references.
      expect(logitOf(0, token, 0)).toBe(whole?.routerLogits[token * 6]);
      expect(logitOf(0, token, 1)).toBe(whole?.routerLogits[token * 6 + 3]);
      expect(logitOf(0, token, 2)).toBe(-Infinity);
      expect(logitOf(1, token, 2)).toBeGreaterThan(-Infinity);
    }
  });

  it('of one expert each is the model itself, bit for bit', async () => {
    const runner = await openRunner(await makeMixtral());
    const input = sequences(40, [1, 7, 33], 8);
    const groups = [0, 1].map(() => [0, 1, 2, 3, 4, 5].map((expert) => group(expert)));
    const original = await runner.forward(input, null, uncancelled);
    for (const router of ['reference-row', 'mean-row', 'mapped-rows'] as const) {
      expect(await runner.forward(input, { groups, router, align: true }, uncancelled)).toEqual(original);
    }
  });
});

describe('cancelling', () => {
  it('rejects before the next batch and leaves the runner usable', async () => {
    const runner = await openRunner(scored, { batchSlots: 256 });
    const many = Array.from({ length: 3000 }, (_, index) => ({ ...items[index % items.length]!, id: `m${index}` }));
    const controller = new AbortController();
    let reported = 0;
    const running = runner.evaluate(many, [{ key: 'only', plan: null }], {
      signal: controller.signal,
      onProgress: (done, total) => {
        expect(done).toBeLessThan(total);
        reported += 1;
        if (reported !== 3) return;
        controller.abort();
      },
    });
    await expect(running).rejects.toBeInstanceOf(CancelledError);
    expect(reported).toBe(3);
    expect((await evaluate(runner, null)).length).toBe(items.length + texts.length);
  });
});

describe('tokens that the model cannot take', () => {
  it('are refused by sequence and value', async () => {
    const runner = await openRunner(await makeMixtral());
    await expect(runner.forward([[1], [40]], null, uncancelled)).rejects.toThrow(
      /sequence 1: token 40 is outside the vocabulary \(0 to 39\)/,
    );
    await expect(runner.forward([[]], null, uncancelled)).rejects.toThrow(/sequence 0 has 0 tokens/);
    await expect(runner.forward([new Array<number>(65).fill(0)], null, uncancelled)).rejects.toThrow(
      /has 65 tokens; the model has 64 positions/,
    );
    await expect(runner.evaluate(items, [{ key: 'only', plan: null }], uncancelled)).rejects.toMatchObject({
      code: 'no-tokenizer',
    });
  });
});

describe('a model larger than its memory budget', () => {
  const deep = { layers: 6, experts: 8, width: 32, hidden: 32 };

  it('is streamed, spills beyond the budget, and gives the same bits', async () => {
    const folder = await makeMixtral(deep);
    const { info } = await openCheckpoint(folder);
    expect(info.memory.resident).toBeGreaterThan(info.memory.streaming + 1000);
    const overlayFolder = await temporaryFolder();
    const streamed = await openRunner(folder, { memoryBudgetBytes: info.memory.streaming + 1000, overlayFolder });
    const input = sequences(40, [3, 40, 64, 17], 3);
    const spilled: string[] = [];
    const onProgress = (): void => void spilled.push(...readdirSync(overlayFolder));
    expect(await streamed.forward(input, null, { ...uncancelled, onProgress })).toEqual(
      await (await openRunner(folder)).forward(input, null, uncancelled),
    );
    expect(spilled.some((name) => name.startsWith('spill-'))).toBe(true);
    expect(readdirSync(overlayFolder)).toEqual([]);
  });

  it('does not hold the hidden states of layers that are done', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'));
    const streamed = await openRunner(await makeMixtral(deep), { streamed: true });
    // Not a spy of vitest, which would hold what it was called with.
    const { put } = HiddenStore.prototype;
    onTestFinished(() => void (HiddenStore.prototype.put = put));
    const states: WeakRef<Float32Array>[] = [];
    HiddenStore.prototype.put = function (this: HiddenStore, hidden) {
      states.push(new WeakRef(hidden));
      return put.call(this, hidden);
    };
    let held = 0;
    const onProgress = (done: number, total: number): void => {
      if (done < total) return;
      collectGarbage();
      held = states.filter((state) => state.deref() !== undefined).length;
    };
    await streamed.forward(sequences(40, [64, 64], 3), null, { ...uncancelled, onProgress });
    expect(states).toHaveLength(1 + deep.layers);
    // Those before and after the last layer, and what variables of the loop still refer to: one more was seen.
    expect(held).toBeLessThanOrEqual(4);
  });

  it('is refused with numbers where not even one block fits', async () => {
    const folder = await makeMixtral(deep);
    const { info } = await openCheckpoint(folder);
    await expect(openRunner(folder, { memoryBudgetBytes: info.memory.streaming - 1 })).rejects.toMatchObject({
      code: 'too-large',
      kind: 'refused',
    });
  });
});
