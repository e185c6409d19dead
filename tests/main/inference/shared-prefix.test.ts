import { readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { CancelledError } from '../../../main/contract/errors.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { TaskItem } from '../../../main/contract/task.ts';
import type { ScoredOutcome } from '../../../main/contract/outcome.ts';
import type { Candidate, ModelRunner } from '../../../main/inference/model-runner.ts';
import { Session } from '../../../main/inference/session.ts';
import { splitPrefix, type TokenTree, treeLength, treeOf } from '../../../main/inference/token-tree.ts';
import type { RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { changeableCopy, checkpointFixture, editJson, makeMixtral } from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { bundledModel, fewShotTask } from './few-shot-task.ts';
import { numberDifference, openRunner, uncancelled } from './open-runner.ts';
import { prefixedRequests, scoreTogether } from './prefixed-requests.ts';

const whole = (trunk: readonly number[]): TokenTree => ({ trunk, branches: [] });
const run = (length: number, from: number): number[] => Array.from({ length }, (_, index) => from + index);

describe('splitting a prefix off', () => {
  const shared = run(40, 100);

  it('takes the common beginning of the trees, and leaves a tree with another beginning whole', () => {
    const trees = [
      whole([...shared, 1, 2]),
      whole([...shared, 3]),
      whole([9, 9, 9]),
      treeOf([
        [...shared, 4, 5],
        [...shared, 4, 6],
      ]),
    ];
    expect(splitPrefix(trees, [42, 41, 3, 41])).toEqual({
      prefix: shared,
      trees: [
        { trunk: [1, 2], branches: [], start: 40 },
        { trunk: [3], branches: [], start: 40 },
        { trunk: [9, 9, 9], branches: [] },
        { trunk: [4], branches: [[5], [6]], start: 40 },
      ],
    });
  });

  it('leaves every scored token with its tree', () => {
    const trees = [whole([...shared, 1]), whole([...shared, 2])];
    expect(splitPrefix(trees, [35, 41]).prefix).toEqual(run(35, 100));
    expect(splitPrefix(trees, [31, 41])).toEqual({ prefix: [], trees });
  });

  it('takes none that is short, that only one tree has, or that saves little', () => {
    const short = [whole([...run(31, 0), 50]), whole([...run(31, 0), 51])];
    expect(splitPrefix(short, [32, 32])).toEqual({ prefix: [], trees: short });
    const alone = [whole([...shared, 1]), whole(run(50, 0))];
    expect(splitPrefix(alone, [41, 50])).toEqual({ prefix: [], trees: alone });
    const little = [whole([...shared, 1]), whole([...shared, 2]), whole(run(400, 1000))];
    expect(splitPrefix(little, [41, 41, 400])).toEqual({ prefix: [], trees: little });
    expect(splitPrefix([], [])).toEqual({ prefix: [], trees: [] });
  });

  it('loses no token and moves none', () => {
    const tails = fc.array(
      fc.record({
        shares: fc.boolean(),
        trunk: fc.array(fc.nat(3), { maxLength: 6 }),
        branches: fc.array(fc.array(fc.nat(3)), { maxLength: 3 }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(tails, fc.integer({ min: 20, max: 60 }), (list, length) => {
        const trees = list.map(({ shares, trunk, branches }) => ({
          trunk: [...run(length, shares ? 100 : 500), ...trunk],
          branches,
        }));
        const before = trees.map(({ trunk }) => trunk.length);
        const { prefix, trees: split } = splitPrefix(trees, before);
        expect(
          split.map(({ trunk, branches, start = 0 }) => ({ trunk: [...prefix.slice(0, start), ...trunk], branches })),
        ).toEqual(trees);
        expect(split.every(({ start = 0 }) => start === 0 || start === prefix.length)).toBe(true);
        const tokens = split.reduce((sum, tree) => sum + treeLength(tree), prefix.length);
        expect(tokens).toBeLessThanOrEqual(trees.reduce((sum, tree) => sum + treeLength(tree), 0));
      }),
    );
  });
});

/** A bundled model, with room for five examples. */
const roomyModel = async (name: string): Promise<string> => {
  const folder = await changeableCopy(bundledModel(name));
  await editJson(path.join(folder, 'config.json'), (json) => {
    json['max_position_embeddings'] = 256;
  });
  return folder;
};

const dropped = (experts: number, keep: number, seed: number): Plan => {
  const random = seededRandom(seed);
  return {
    kept: [0, 1, 2].map(() =>
      random
        .shuffle(run(experts, 0))
        .slice(0, keep)
        .sort((a, b) => a - b),
    ),
  };
};
const unpruned: Candidate = { key: 'unpruned', plan: null };
const candidatesOf = (experts: number): readonly Candidate[] => {
  const late = dropped(experts, experts / 2, 3);
  if (!('kept' in late)) throw new Error('drops');
  return [
    unpruned,
    { key: 'half', plan: dropped(experts, experts / 2, 1) },
    { key: 'few', plan: dropped(experts, 3, 2) },
    { key: 'last layer', plan: { kept: [run(experts, 0), run(experts, 0), late.kept[2] ?? []] } },
  ];
};

const numbers = (outcomes: readonly ScoredOutcome[] | undefined): readonly number[] =>
  (outcomes ?? []).flatMap((outcome) => (outcome.kind === 'choice' ? outcome.logprobs : [outcome.logprob]));
const answers = (outcomes: readonly ScoredOutcome[] | undefined): readonly unknown[] =>
  (outcomes ?? []).map((outcome) => (outcome.kind === 'choice' ? { ...outcome, logprobs: [] } : outcome.id));

/** Item by item, so that no prefix can be shared. */
const oneByOne = async (
  runner: ModelRunner,
  items: readonly TaskItem[],
  candidate: Candidate,
): Promise<readonly ScoredOutcome[]> => {
  const outcomes: ScoredOutcome[] = [];
  for (const item of items)
    outcomes.push(...((await runner.evaluate([item], [candidate], uncancelled)).get(candidate.key) ?? []));
  return outcomes;
};

/** Work of an evaluation, in tokens x candidates x blocks, and whether all of it was reported as done. */
const workOf = async (
  runner: ModelRunner,
  items: readonly TaskItem[],
  candidates: readonly Candidate[],
): Promise<number> => {
  let last = { done: 0, total: -1 };
  await runner.evaluate(items, candidates, {
    ...uncancelled,
    onProgress: (done, total) => {
      last = { done, total };
    },
  });
  expect(last.done).toBe(last.total);
  return last.total;
};

describe('a few-shot task on a bundled model', () => {
  it.each([
    ['uncurl-8', 8, 'french'],
    ['uncurl-16', 16, 'plural'],
  ])('%s gives for every candidate what items alone give', async (model, experts, name) => {
    const [runner, task] = [await openRunner(await roomyModel(model)), await fewShotTask(name, 5)];
    const items = task.test.slice(0, 24);
    const candidates = candidatesOf(experts);
    const together = await runner.evaluate(items, candidates, uncancelled);
    for (const candidate of candidates) {
      const alone = await oneByOne(runner, items, candidate);
      expect(numberDifference(numbers(together.get(candidate.key)), numbers(alone))).toBeLessThanOrEqual(1e-5);
      expect(answers(together.get(candidate.key))).toEqual(answers(alone));
    }
    expect(new Set([...together.values()].map((outcomes) => JSON.stringify(outcomes))).size).toBe(candidates.length);
  });

  it('runs the tokens of the examples once per block and candidate', async () => {
    const [runner, task] = [await openRunner(await roomyModel('uncurl-8')), await fewShotTask('french', 5)];
    const items = task.test.slice(0, 24);
    const { tokenizer } = runner;
    if (tokenizer === null) expect.fail('no tokenizer');
    const examples = tokenizer.encode(
      (items[0] !== undefined && 'context' in items[0] ? items[0].context : '').replace(/\nfrench [^>]*>$/, ''),
      true,
    ).length;
    expect(examples).toBeGreaterThan(60);
    let alone = 0;
    for (const item of items) alone += await workOf(runner, [item], [unpruned]);
    const once = await workOf(runner, items, [unpruned]);
    expect(once).toBeLessThanOrEqual(alone - 3 * examples * (items.length - 1));
    expect(once).toBeGreaterThan(3 * examples);
    expect(await workOf(runner, items, candidatesOf(8))).toBe(4 * once);
  });

  it('does not depend on how the work is split', async () => {
    const [folder, task] = [await roomyModel('uncurl-8'), await fewShotTask('french', 5)];
    const items = task.test.slice(0, 40);
    const candidates = candidatesOf(8);
    const resident = await (await openRunner(folder)).evaluate(items, candidates, uncancelled);
    expect(await (await openRunner(folder, { streamed: true })).evaluate(items, candidates, uncancelled)).toEqual(
      resident,
    );
    const narrow = await (await openRunner(folder, { batchSlots: 40 })).evaluate(items, candidates, uncancelled);
    for (const { key } of candidates) {
      expect(numberDifference(numbers(narrow.get(key)), numbers(resident.get(key)))).toBeLessThanOrEqual(1e-5);
      expect(answers(narrow.get(key))).toEqual(answers(resident.get(key)));
    }
    const runner = await openRunner(folder);
    for (const candidate of candidates) {
      expect((await runner.evaluate(items, [candidate], uncancelled)).get(candidate.key)).toEqual(
        resident.get(candidate.key),
      );
    }
  });

  it('does not change evaluations without a prefix, bit for bit', async () => {
    const [runner, plain, prompted] = [
      await openRunner(await roomyModel('uncurl-8')),
      await fewShotTask('french', 0),
      await fewShotTask('french', 5),
    ];
    const [items, shots] = [plain.test.slice(0, 30), prompted.test.slice(0, 30)];
    const before = await runner.evaluate(items, candidatesOf(8), uncancelled);
    const prefixed = await runner.evaluate(shots, candidatesOf(8), uncancelled);
    expect(await runner.evaluate(items, candidatesOf(8), uncancelled)).toEqual(before);
    expect(await runner.evaluate(shots, candidatesOf(8), uncancelled)).toEqual(prefixed);
  });

  it('never has the weights of a block in memory twice', async () => {
    const [runner, plain, prompted] = [
      await openRunner(await roomyModel('uncurl-8')),
      await fewShotTask('french', 0),
      await fewShotTask('french', 5),
    ];
    const [open, dispose] = [vi.spyOn(Session, 'open'), vi.spyOn(Session.prototype, 'dispose')];
    onTestFinished(() => {
      open.mockRestore();
      dispose.mockRestore();
    });
    for (const [task, opened, closed] of [
      [plain, 3, 0],
      [prompted, 6, 3],
      [prompted, 6, 3],
      [plain, 9, 6],
    ] as const) {
      await runner.evaluate(task.test.slice(0, 5), [unpruned], uncancelled);
      expect([open.mock.calls.filter(([name]) => name.startsWith('block')).length, dispose.mock.calls.length]).toEqual([
        opened,
        closed,
      ]);
    }
  });

  it('takes items that were cut on the left, or begin differently, as whole sequences', async () => {
    const folder = await changeableCopy(bundledModel('uncurl-8'));
    await editJson(path.join(folder, 'config.json'), (json) => {
      json['max_position_embeddings'] = 150;
    });
    const runner = await openRunner(folder);
    const [prompted, plain] = [
      (await fewShotTask('french', 5)).test.slice(0, 20),
      (await fewShotTask('french', 0)).test.slice(0, 4),
    ];
    const long = prompted.slice(0, 2).map((item, index) => ({
      ...item,
      id: `long${index}`,
      ...('context' in item ? { context: `${item.context}${'abc '.repeat(12 + index)}` } : {}),
    }));
    const items = [...long, ...prompted, ...plain];
    const together = (await runner.evaluate(items, [unpruned], uncancelled)).get('unpruned');
    const alone = await oneByOne(runner, items, unpruned);
    const cut = alone.map((outcome) => (outcome.kind === 'choice' ? outcome.truncatedTokens : 0));
    expect(Math.min(...cut.slice(0, long.length))).toBeGreaterThan(0);
    expect(Math.max(...cut.slice(long.length))).toBe(0);
    expect(numberDifference(numbers(together), numbers(alone))).toBeLessThanOrEqual(1e-5);
    expect(answers(together)).toEqual(answers(alone));
    let parts = 0;
    for (const item of items) parts += await workOf(runner, [item], [unpruned]);
    expect(await workOf(runner, items, [unpruned])).toBeLessThan(0.6 * parts);
  });

  it('works on merged experts', async () => {
    const [runner, task] = [await openRunner(await roomyModel('uncurl-8')), await fewShotTask('french', 5)];
    const items = task.test.slice(0, 12);
    const pairs = [0, 2, 4, 6].map((first) => ({ members: [first, first + 1], reference: first, weights: [1, 2] }));
    const merged: Candidate = {
      key: 'merged',
      plan: { groups: [pairs, pairs, pairs], router: 'reference-row', align: true },
    };
    const together = await runner.evaluate(items, [unpruned, merged], uncancelled);
    for (const candidate of [unpruned, merged]) {
      expect(
        numberDifference(numbers(together.get(candidate.key)), numbers(await oneByOne(runner, items, candidate))),
      ).toBeLessThanOrEqual(1e-5);
    }
  });

  it('keeps no more hidden states in memory than the budget allows', async () => {
    const [folder, task] = [await roomyModel('uncurl-8'), await fewShotTask('french', 5)];
    const { info } = await openCheckpoint(folder);
    const overlayFolder = await temporaryFolder();
    const tight = await openRunner(folder, { memoryBudgetBytes: info.memory.resident + 1000, overlayFolder });
    const spilled: string[] = [];
    const onProgress = (): void => void spilled.push(...readdirSync(overlayFolder));
    const items = task.test.slice(0, 40);
    expect(await tight.evaluate(items, candidatesOf(8), { ...uncancelled, onProgress })).toEqual(
      await (await openRunner(folder)).evaluate(items, candidatesOf(8), uncancelled),
    );
    expect(spilled.some((name) => name.startsWith('spill-'))).toBe(true);
    expect(readdirSync(overlayFolder)).toEqual([]);
  });

  it('is cancelled before the next batch, in the prefix or after it, and leaves the runner usable', async () => {
    const [runner, task] = [await openRunner(await roomyModel('uncurl-8')), await fewShotTask('french', 5)];
    for (const steps of [1, 4]) {
      const controller = new AbortController();
      let reported = 0;
      const running = runner.evaluate(task.test, candidatesOf(8), {
        signal: controller.signal,
        onProgress: () => {
          reported += 1;
          if (reported !== steps) return;
          controller.abort();
        },
      });
      await expect(running).rejects.toBeInstanceOf(CancelledError);
      expect(reported).toBe(steps);
    }
    expect((await runner.evaluate(task.test.slice(0, 5), [unpruned], uncancelled)).get('unpruned')?.length).toBe(5);
  });
});

describe('a profile of a few-shot task', () => {
  const sums = (statistics: RoutingStatistics): readonly (readonly [string, Float64Array])[] =>
    Object.entries(statistics).filter((entry): entry is [string, Float64Array] => entry[1] instanceof Float64Array);

  it('counts the examples for every item, and runs them once', async () => {
    const [folder, task] = [await roomyModel('uncurl-8'), await fewShotTask('french', 5)];
    const [runner, streamed] = [await openRunner(folder), await openRunner(folder, { streamed: true })];
    const items = task.calibration.slice(0, 24);
    let work = 0;
    const together = await runner.profile(items, {
      ...uncancelled,
      onProgress: (done, total) => {
        work = done === total ? total : NaN;
      },
    });
    const alone: RoutingStatistics[] = [];
    for (const item of items) alone.push(await runner.profile([item], uncancelled));
    expect(together.tokens).toBe(alone.reduce((total, { tokens }) => total + tokens, 0));
    expect(together.items).toBe(items.length);
    expect(work / 3).toBeLessThan(0.3 * together.tokens);
    expect([...together.counts]).toEqual([
      ...together.counts.map((_, at) => alone.reduce((total, { counts }) => total + counts[at]!, 0)),
    ]);
    const separate = alone.map((statistics) => new Map(sums(statistics)));
    for (const [name, values] of sums(together)) {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeGreaterThan(0);
      const differences = values.map(
        (value, at) => Math.abs(value - separate.reduce((total, each) => total + each.get(name)![at]!, 0)) / largest,
      );
      expect(Math.max(...differences), name).toBeLessThanOrEqual(1e-5);
    }
    expect(await streamed.profile(items, uncancelled)).toEqual(together);
  });
});

describe('a shared prefix with', () => {
  it.each([
    ['a window shorter than what follows it', () => Promise.resolve(checkpointFixture('mixtral-window'))],
    ['a window that ends in it', () => makeMixtral({ layers: 3, slidingWindow: 20 })],
    ['a window longer than it', () => makeMixtral({ layers: 3, slidingWindow: 45 })],
    ['every query head its own key', () => makeMixtral({ layers: 2, keyValueHeads: 4 })],
    ['one key for all query heads', () => makeMixtral({ layers: 2, keyValueHeads: 1 })],
  ])('%s gives the numbers of whole sequences', async (_what, folder) => {
    const runner = await openRunner(await folder());
    const requests = prefixedRequests(runner.checkpoint.descriptor);
    const { together, alone } = await scoreTogether(runner, requests, null);
    expect(numberDifference(together.logprobs, alone.logprobs)).toBeLessThanOrEqual(1e-5);
    expect(together.tokens).toBeLessThan(0.6 * alone.tokens);
  });
});
