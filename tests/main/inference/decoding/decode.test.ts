import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { CancelledError } from '../../../../main/contract/errors.ts';
import type { Plan } from '../../../../main/contract/plan.ts';
import type { Candidate, DecodedRow, ModelRunner, RowToDecode } from '../../../../main/inference/model-runner.ts';
import { Session } from '../../../../main/inference/session.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { checkpointFixture, makeMixtral } from '../../checkpoint/checkpoint-files.ts';
import { openRunner, uncancelled } from '../open-runner.ts';

const keptOf = async (folder: string): Promise<Plan> =>
  z
    .object({ kept: z.array(z.array(z.number())) })
    .parse(JSON.parse(await readFile(path.join(folder, 'kept.json'), 'utf8')));

const collect = async (rows: AsyncIterable<DecodedRow>): Promise<readonly DecodedRow[]> => {
  const all: DecodedRow[] = [];
  for await (const row of rows) all.push(row);
  return all.sort((a, b) => a.row - b.row);
};

const decodeAll = (
  runner: ModelRunner,
  rows: readonly RowToDecode[],
  candidates: readonly Candidate[],
): Promise<readonly DecodedRow[]> => collect(runner.decode(rows, candidates, uncancelled));

/** Reference: a full pass over everything generated so far, token by token: no cache, no batch. */
const oracle = async (
  runner: ModelRunner,
  { tokens, mostNewTokens, isDone }: RowToDecode,
  plan: Plan | null,
): Promise<readonly number[]> => {
  const { vocabulary } = runner.checkpoint.descriptor;
  const written: number[] = [];
  while (written.length < mostNewTokens) {
    const [result] = await runner.forward([[...tokens, ...written]], plan, uncancelled);
    const last = result?.logits.subarray(-vocabulary) ?? new Float32Array();
    written.push(last.reduce((best, logit, token) => (logit > (last[best] ?? -Infinity) ? token : best), 0));
    if (isDone?.(written) === true) break;
  }
  return written;
};

/** Prompts of different lengths, most with a shared beginning, that end at different times. */
const mixedRows = (vocabulary: number, candidates: readonly Candidate[], shared: number): readonly RowToDecode[] => {
  const random = seededRandom(5);
  const draw = (count: number): readonly number[] => Array.from({ length: count }, () => random.integer(vocabulary));
  const beginning = draw(shared);
  return Array.from({ length: 9 }, (_, index) => [
    ...(index % 4 === 3 ? [] : beginning),
    ...draw(1 + random.integer(8)),
  ]).flatMap((tokens, index) =>
    candidates.map(({ key }) => ({
      tokens,
      candidate: key,
      mostNewTokens: 1 + ((3 * index) % 8),
      isDone: index % 3 === 1 ? (written: readonly number[]) => written.length === 2 : () => false,
    })),
  );
};

const own = (rows: readonly RowToDecode[], runs: readonly DecodedRow[], key: string): unknown =>
  runs.filter(({ row }) => rows[row]?.candidate === key).map(({ tokens }) => tokens);

describe.each([
  ...['mixtral', 'mixtral-window', 'lfm2_moe', 'qwen3_next', 'nemotron_h'],
  ...['glm_moe_dsa-shared', 'deepseek_v4-fused', 'gemma4-ple'],
])('%s', (name) => {
  it.each([0, 40])(
    'generates the choices of full passes, alone, in batches and beside other candidates, with %i tokens ' +
      'shared, and streamed where some are',
    async (shared) => {
      const folder = checkpointFixture(name);
      const runner = await openRunner(folder);
      const candidates = [
        { key: 'unpruned', plan: null },
        { key: 'pruned', plan: await keptOf(folder) },
      ];
      const rows = mixedRows(runner.checkpoint.descriptor.vocabulary, candidates, shared);
      const together = await decodeAll(runner, rows, candidates);
      expect(together.map(({ row }) => row)).toEqual(rows.map((_, index) => index));
      expect(together.map(({ ended, tokens }) => [ended, tokens.length])).toEqual(
        rows.map(({ isDone, mostNewTokens }) =>
          isDone?.([0, 0]) === true && mostNewTokens >= 2 ? ['done', 2] : ['length', mostNewTokens],
        ),
      );
      // Rows with a common beginning and rows without one; streamed, each step opens every session anew.
      if (shared > 0)
        expect(await decodeAll(await openRunner(folder, { streamed: true }), rows, candidates)).toEqual(together);
      for (const { key, plan } of candidates) {
        const mine = rows.filter(({ candidate }) => candidate === key);
        expect((await decodeAll(runner, mine, [{ key, plan }])).map(({ tokens }) => tokens)).toEqual(
          own(rows, together, key),
        );
        const alone: (readonly number[])[] = [];
        for (const row of mine)
          alone.push(...(await decodeAll(runner, [row], [{ key, plan }])).map(({ tokens }) => tokens));
        expect(alone).toEqual(own(rows, together, key));
        const whole: (readonly number[])[] = [];
        for (const row of mine) whole.push(await oracle(runner, row, plan));
        expect(whole).toEqual(own(rows, together, key));
      }
    },
  );
});

const merged: Plan = {
  groups: [0, 1].map(() =>
    [0, 2, 4].map((first) => ({ members: [first, first + 1], weights: [0.5, 0.5], reference: first })),
  ),
  align: false,
  router: 'mapped-rows',
};

describe('candidates with other weights', () => {
  it('generate in separate groups what they generate alone', async () => {
    const runner = await openRunner(await makeMixtral());
    const candidates: readonly Candidate[] = [
      { key: 'unpruned', plan: null },
      { key: 'merged', plan: merged },
      {
        key: 'dropped',
        plan: {
          kept: [
            [0, 1, 3],
            [2, 4, 5],
          ],
        },
      },
    ];
    const rows = mixedRows(40, candidates, 36);
    const together = await decodeAll(runner, rows, candidates);
    for (const { key, plan } of candidates) {
      const alone: (readonly number[])[] = [];
      for (const row of rows.filter(({ candidate }) => candidate === key)) alone.push(await oracle(runner, row, plan));
      expect(own(rows, together, key)).toEqual(alone);
    }
    expect(own(rows, together, 'merged')).not.toEqual(own(rows, together, 'unpruned'));
  });
});

interface SeenRuns {
  /** Sequences and tokens of each run of a block. */
  readonly sequences: number[];
  readonly tokens: number[];
  /** Bytes of its input caches. */
  readonly cacheBytes: number[];
}

const watchRuns = (): SeenRuns => {
  const seen: SeenRuns = { sequences: [], tokens: [], cacheBytes: [] };
  const run = Session.prototype.run;
  const spy = vi.spyOn(Session.prototype, 'run').mockImplementation(async function (
    this: Session,
    ...given: Parameters<Session['run']>
  ) {
    const [{ pastKey, pastValue, hidden }] = given;
    if (pastKey !== undefined && pastValue !== undefined) {
      seen.sequences.push(pastKey.dims[0] ?? 0);
      seen.tokens.push(hidden?.dims[0] ?? 0);
      seen.cacheBytes.push(4 * (pastKey.size + pastValue.size));
    }
    return run.apply(this, given);
  });
  onTestFinished(() => spy.mockRestore());
  return seen;
};

describe('memory', () => {
  it('is kept: rows wait until there is room, and generate the same', async () => {
    const folder = await makeMixtral();
    const candidates = [
      { key: 'unpruned', plan: null },
      {
        key: 'dropped',
        plan: {
          kept: [
            [0, 1, 3],
            [2, 4, 5],
          ],
        },
      },
    ];
    const rows = mixedRows(40, candidates, 0);
    const free = await decodeAll(await openRunner(folder), rows, candidates);
    const { info } = await openCheckpoint(folder);
    // Memory for the keys and values (2 blocks, 2 heads of 4 + 4 numbers) of about three of the longest rows.
    const spare = 3 * 16 * (2 * 2 * 8 * 4 * 1.5 + 2 * 4 * 16);
    const tight = await openRunner(folder, { memoryBudgetBytes: info.memory.resident + spare });
    const cost = await tight.decodingCost(rows, candidates);
    expect(cost.rowsAtOnce).toBeLessThan(rows.length);
    const seen = watchRuns();
    expect(await decodeAll(tight, rows, candidates)).toEqual(free);
    expect(Math.max(...seen.sequences)).toBeLessThanOrEqual(cost.rowsAtOnce);
    expect(2 * Math.max(...seen.cacheBytes)).toBeLessThanOrEqual(spare);
    expect(seen.sequences.length / 2).toBeGreaterThan(
      rows.reduce((most, { mostNewTokens }) => Math.max(most, mostNewTokens), 0),
    );
  });

  it('that does not fit a single row is refused before anything runs', async () => {
    const folder = await makeMixtral();
    const { info } = await openCheckpoint(folder);
    const runner = await openRunner(folder, { memoryBudgetBytes: info.memory.resident + 100 });
    const seen = watchRuns();
    await expect(
      decodeAll(runner, [{ tokens: [1, 2], candidate: 'a', mostNewTokens: 4 }], [{ key: 'a', plan: null }]),
    ).rejects.toMatchObject({ code: 'too-large' });
    expect(seen.sequences).toEqual([]);
  });

  it('is reported before the start, with the steps of a streamed model', async () => {
    const runner = await openRunner(await makeMixtral(), { streamed: true });
    const rows = [3, 7, 5].map((mostNewTokens): RowToDecode => ({ tokens: [1, 2], candidate: 'a', mostNewTokens }));
    const seen = watchRuns();
    expect(await runner.decodingCost(rows, [{ key: 'a', plan: null }])).toEqual({
      streamed: true,
      mostSteps: 7,
      rowsAtOnce: 3,
      rows: 3,
    });
    await decodeAll(runner, rows, [{ key: 'a', plan: null }]);
    expect(seen.sequences).toHaveLength(7 * 2);
  });
});

describe('a run', () => {
  it('takes common beginnings of prompts through the blocks once per candidate', async () => {
    const runner = await openRunner(await makeMixtral());
    const candidates = [
      { key: 'unpruned', plan: null },
      {
        key: 'dropped',
        plan: {
          kept: [
            [0, 1, 3],
            [2, 4, 5],
          ],
        },
      },
    ];
    const beginning = Array.from({ length: 40 }, (_, index) => index);
    const rows = Array.from({ length: 6 }, (_, index) => [...beginning, index]).flatMap((tokens) =>
      candidates.map(({ key }) => ({ tokens, candidate: key, mostNewTokens: 3 })),
    );
    const seen = watchRuns();
    await decodeAll(runner, rows, candidates);
    // 2 blocks: the beginning of each candidate, then a token per row and step.
    expect(seen.tokens).toEqual([80, 80, 12, 12, 12, 12, 12, 12]);
  });

  it('ends at a cancel, and runs nothing after it', async () => {
    const runner = await openRunner(await makeMixtral());
    const rows = Array.from({ length: 4 }, (): RowToDecode => ({
      tokens: [1, 2, 3],
      candidate: 'a',
      mostNewTokens: 20,
    }));
    const seen = watchRuns();
    const controller = new AbortController();
    let reported = 0;
    const onProgress = (): void => {
      reported += 1;
      if (reported === 5) controller.abort();
    };
    await expect(
      collect(runner.decode(rows, [{ key: 'a', plan: null }], { signal: controller.signal, onProgress })),
    ).rejects.toBeInstanceOf(CancelledError);
    expect(seen.sequences).toHaveLength(5);
  });

  it('reports all work as done at its end, whenever rows ended', async () => {
    const runner = await openRunner(await makeMixtral());
    const candidates = [{ key: 'unpruned', plan: null }];
    const reports: (readonly [number, number])[] = [];
    await collect(
      runner.decode(mixedRows(40, candidates, 36), candidates, {
        ...uncancelled,
        onProgress: (done, total) => reports.push([done, total]),
      }),
    );
    expect(reports.every(([done, total], index) => done <= total && done >= (reports[index - 1]?.[0] ?? 0))).toBe(true);
    expect(reports.at(-1)?.[0]).toBe(reports.at(-1)?.[1]);
  });

  it('refuses invalid rows, by number', async () => {
    const runner = await openRunner(await makeMixtral());
    const decodeRow = (tokens: readonly number[], mostNewTokens: number): Promise<unknown> =>
      decodeAll(
        runner,
        [
          { tokens: [1], candidate: 'a', mostNewTokens: 1 },
          { tokens, candidate: 'a', mostNewTokens },
        ],
        [{ key: 'a', plan: null }],
      );
    await expect(decodeRow([], 1)).rejects.toThrow(/prompt 1 has 0 tokens/);
    await expect(decodeRow([40], 1)).rejects.toThrow(/prompt 1: token 40/);
    await expect(decodeRow([1, 2], 63)).rejects.toThrow(/prompt 1 has 2 tokens and 63 are to follow.*64 positions/);
    await expect(decodeRow([1], 0)).rejects.toThrow(/prompt 1: 0 new tokens/);
  });
});
