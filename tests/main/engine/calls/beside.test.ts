import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import type { Engine } from '../../../../main/engine/engine.ts';
import type { Plan } from '../../../../main/contract/plan.ts';
import { besideLines, firstDifference } from '../../../../main/evaluation/beside.ts';
import { prepareTexts, textEnds, writeTexts } from '../../../../main/generation/write-texts.ts';
import { requireTokenizer } from '../../../../main/jobs/task-work.ts';
import { bundledModels } from '../../../../main/workspace/library.ts';
import { openRunner, uncancelled } from '../../inference/open-runner.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

const opened = async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace, { threads: 2 });
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8')?.handle;
  if (model === undefined) throw new Error('nothing bundled');
  return { engine, model, workspace };
};

/** Calls once, at the first token that a run announces; the model does not go on before the answer. */
const atFirstToken = (engine: Engine, act: () => Promise<unknown>): void => {
  const unsubscribe = engine.subscribe((event) => {
    if (event.type !== 'beside.written') return;
    unsubscribe();
    // It rests before every block until the event loop turns.
    vi.useFakeTimers({ toFake: ['setImmediate', 'clearImmediate'] });
    void act().finally(() => {
      vi.runOnlyPendingTimers();
      vi.useRealTimers();
    });
  });
  onTestFinished(() => void vi.useRealTimers());
};

const kept = (...experts: number[]): Plan => ({ kept: [experts, experts, experts] });
/** Groups of two neighbours, merged. */
const merged: Plan = {
  groups: Array.from({ length: 3 }, () =>
    [0, 2, 4, 6].map((first) => ({ members: [first, first + 1], reference: first, weights: [1, 1] })),
  ),
  router: 'reference-row',
  align: false,
};
const plans = [
  { name: 'three of eight', plan: kept(0, 3, 6) },
  { name: 'merged', plan: merged },
];
const prompt = '\nsort adcbjh>';

test('the texts are those that each model writes alone, and the first differing token is explained', async () => {
  const { engine, model } = await opened();
  const { run } = await engine.call('beside.start', { model, prompt, maxNewTokens: 24, plans });
  await engine.finished(run);
  const document = await engine.call('beside.read', { run });
  expect(document).toMatchObject({ run, model: 'uncurl-8', prompt, context: prompt, mostNewTokens: 24 });
  expect(document.columns.map(({ name }) => name)).toEqual(['unpruned', 'three of eight', 'merged']);

  const checkpoint = await openCheckpoint((await bundledModels(resources)).get('uncurl-8') ?? '');
  const tokenizer = await requireTokenizer(checkpoint);
  const runner = await openRunner(checkpoint.folder);
  const requests = [{ id: 'alone', context: prompt, until: [], maxNewTokens: 24 }];
  const ends = await textEnds(checkpoint.folder, tokenizer);
  for (const [index, plan] of [null, ...plans.map((each) => each.plan)].entries()) {
    const prepared = prepareTexts(
      tokenizer,
      { requests, candidates: [{ key: 'alone', plan }], ends },
      checkpoint.descriptor,
    );
    for await (const { tokens, stopped } of writeTexts(runner, tokenizer, prepared, uncancelled))
      expect(document.columns[index]).toMatchObject({ tokens: tokens.map((token) => ({ token })), ended: stopped });
  }

  const [unpruned, ...others] = document.columns;
  if (unpruned === undefined) throw new Error('no text');
  const before = [...tokenizer.encode(prompt, true)];
  for (const [index, column] of others.entries()) {
    const difference = document.differences[index];
    if (difference === null || difference === undefined) throw new Error(`${column.name} does not differ`);
    const { at, layers } = difference;
    expect(at).toBe(firstDifference(unpruned.tokens, column.tokens));
    expect(column.tokens.slice(0, at)).toEqual(unpruned.tokens.slice(0, at));
    expect(difference.unpruned[0]?.token).toBe(unpruned.tokens[at]?.token);
    expect(difference.pruned[0]?.token).toBe(column.tokens[at]?.token);
    const contextTokens = [...before, ...unpruned.tokens.slice(0, at).map(({ token }) => token)];
    for (const [plan, likely] of [
      [null, difference.unpruned],
      [plans[index]?.plan ?? null, difference.pruned],
    ] as const) {
      const scores = await runner.score(
        likely.map(({ token }, rank) => ({ id: String(rank), contextTokens, continuationTokens: [token] })),
        plan,
        uncancelled,
      );
      scores.forEach(({ logprob }, rank) => expect(likely[rank]?.probability).toBeCloseTo(Math.exp(logprob), 5));
      expect([...likely].sort((a, b) => b.probability - a.probability)).toEqual(likely);
    }
    const [whole] = await runner.forward([contextTokens], null, uncancelled);
    const topK = layers[0]?.experts.length ?? 0;
    layers.forEach(({ experts, gone }, layer) => {
      const end = (layer * contextTokens.length + contextTokens.length) * topK;
      expect(experts).toEqual([...(whole?.experts ?? []).slice(end - topK, end)]);
      const stays = index === 0 ? [0, 3, 6] : [0, 2, 4, 6];
      expect(gone).toEqual(experts.filter((expert) => !stays.includes(expert)));
    });
    expect(layers).toHaveLength(3);
  }

  // The trace, against the definition: every token's distribution read alone, softmax and KL in plain lines.
  const { trace } = document;
  if (trace === undefined) throw new Error('no trace');
  const probabilities = async (end: number, plan: Plan | null) => {
    const tokens = [...before, ...unpruned.tokens.slice(0, end).map(({ token }) => token)];
    const [result] = await runner.forward([tokens], plan, uncancelled, 'last');
    if (result === undefined) throw new Error('no logits');
    const most = Math.max(...result.logits);
    const powers = [...result.logits].map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    return { shares: powers.map((power) => power / sum), experts: [...result.experts] };
  };
  expect(trace.experts).toHaveLength(unpruned.tokens.length);
  for (const end of [0, unpruned.tokens.length - 1]) {
    const token = unpruned.tokens[end]?.token ?? 0;
    const own = await probabilities(end, null);
    expect(trace.experts[end]?.flat()).toEqual(own.experts);
    expect(trace.probabilities[end]).toBeCloseTo(own.shares[token] ?? NaN, 5);
    for (const [index, { plan }] of plans.entries()) {
      const other = await probabilities(end, plan);
      const kl = own.shares.reduce(
        (total, p, at) => total + (p === 0 ? 0 : p * Math.log(p / (other.shares[at] ?? 0))),
        0,
      );
      expect(trace.plans[index]?.kl[end]).toBeCloseTo(kl, 4);
      expect(trace.plans[index]?.probabilities[end]).toBeCloseTo(other.shares[token] ?? NaN, 5);
      // Merged experts have numbers of their own.
      expect(trace.plans[index]?.experts?.[end]?.flat()).toEqual(index === 0 ? other.experts : undefined);
    }
  }
  expect(trace.plans[0]?.experts?.flat(2).every((expert) => [0, 3, 6].includes(expert))).toBe(true);

  const { name, html } = await engine.call('beside.report', { run });
  expect(name).toBe(`${run}.html`);
  expect(html).toMatch(/<mark>/);
  const lines = besideLines(document)
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(lines).toMatchObject([
    { kind: 'prompt', prompt },
    { kind: 'text', name: 'unpruned', tokens: unpruned.tokens.map(({ token }) => token) },
    { kind: 'text', name: 'three of eight' },
    { kind: 'text', name: 'merged' },
    { kind: 'difference', name: 'three of eight', at: document.differences[0]?.at },
    { kind: 'difference', name: 'merged', at: document.differences[1]?.at },
    { kind: 'trace', name: 'three of eight', kl: trace.plans[0]?.kl },
    { kind: 'trace', name: 'merged', experts: null },
  ]);
});

test('a stop keeps what was written, a cancel leaves nothing and can be resumed', async () => {
  const { engine, model, workspace } = await opened();
  const asked = { model, prompt, maxNewTokens: 24, plans: [{ name: 'all', plan: kept(0, 1, 2, 3, 4, 5, 6, 7) }] };
  const stopped = await engine.call('beside.start', asked);
  expect((await engine.call('beside.read', stopped)).columns.map(({ tokens }) => tokens)).toEqual([[], []]);
  atFirstToken(engine, () => engine.call('beside.stop', stopped));
  await engine.finished(stopped.run);
  const { columns, differences } = await engine.call('beside.read', stopped);
  expect(columns.map(({ ended }) => ended)).toEqual(['stopped', 'stopped']);
  // The first, and the one at which the stop is seen.
  expect(columns.map(({ tokens }) => tokens.length)).toEqual([2, 2]);
  // The plan keeps every expert.
  expect(differences).toEqual([null]);

  const cancelled = await engine.call('beside.start', asked);
  atFirstToken(engine, () => engine.call('jobs.cancel', cancelled));
  await expect(engine.finished(cancelled.run)).rejects.toMatchObject({ kind: 'cancelled' });
  await expect(engine.call('beside.read', cancelled)).rejects.toMatchObject({ code: 'no-beside' });
  await engine.call('jobs.resume', cancelled);
  await engine.finished(cancelled.run);
  expect((await engine.call('beside.read', cancelled)).columns[0]?.ended).toBe('end');

  // A changed file is refused, and is not read as texts.
  const file = join(workspace, 'runs', cancelled.run, 'beside.json');
  await writeFile(file, (await readFile(file, 'utf8')).slice(0, -20));
  await expect(engine.call('beside.read', cancelled)).rejects.toMatchObject({ code: 'results-edited' });
});

test('what cannot be written is refused before a run exists', async () => {
  const { engine, model } = await opened();
  const start = (changes: object) =>
    engine.call('beside.start', { model, prompt, plans: plans.slice(0, 1), ...changes });
  await expect(start({ prompt: 'a'.repeat(64) })).rejects.toMatchObject({ code: 'prompt-too-long' });
  await expect(start({ chat: true })).rejects.toMatchObject({ code: 'no-chat-template' });
  await expect(start({ plans: [{ name: 'wrong', plan: { kept: [[0], [0]] } }] })).rejects.toMatchObject({
    code: 'plan-invalid',
  });
  await expect(start({ plans: [] })).rejects.toMatchObject({ code: 'invalid-input' });
  expect(await engine.call('runs.list', {})).toEqual([]);
});
