import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ItemFidelity, ScoredOutcome } from '../../../main/contract/outcome.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { ChoiceItem, TextItem } from '../../../main/contract/task.ts';
import { encodeChoices, encodeText } from '../../../main/inference/encode-item.ts';
import { distributionsOf, positionFidelity } from '../../../main/inference/fidelity.ts';
import type { ModelRunner } from '../../../main/inference/model-runner.ts';
import { tokenReader } from '../../../main/profile/token-reader.ts';
import { scoringFixture } from '../checkpoint/checkpoint-files.ts';
import { openRunner, uncancelled } from './open-runner.ts';

const vectors = z
  .object({
    cases: z.array(
      z.object({
        before: z.array(z.number()),
        after: z.array(z.number()),
        kl: z.number(),
        reverseKl: z.number(),
        changed: z.number(),
        acceptance: z.number(),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../fixtures/python/fidelity.json'), 'utf8')));

const MEASURES = ['kl', 'reverseKl', 'changed', 'acceptance'] as const;
const distance = (ours: ItemFidelity, theirs: Omit<ItemFidelity, 'positions'>): number =>
  Math.max(...MEASURES.map((measure) => Math.abs(ours[measure] - theirs[measure])));

it('the measures are those of PyTorch in float64', () => {
  for (const { before, after, ...wanted } of vectors.cases) {
    const [p, q] = [before, after].map((logits) => distributionsOf(Float32Array.from(logits), logits.length));
    if (p === undefined || q === undefined) expect.fail('no distributions');
    expect(distance(positionFidelity([p, 0], [q, 0]), wanted)).toBeLessThan(1e-12);
  }
});

it('rows are taken one by one, and a token of probability 0 counts for nothing', () => {
  const p = distributionsOf(Float32Array.from([0, 0, 5, 0, -Infinity, 0]), 3);
  const q = distributionsOf(Float32Array.from([3, -Infinity, 3, 0, 0, 0]), 3);
  expect([...p.likeliest, ...q.likeliest]).toEqual([2, 0, 0, 0]);
  expect(positionFidelity([p, 1], [q, 0])).toMatchObject({ kl: expect.closeTo(0, 12), changed: 0, acceptance: 1 });
  expect(positionFidelity([q, 1], [p, 1]).kl).toBe(Infinity);
  expect(positionFidelity([p, 1], [q, 1])).toMatchObject({ acceptance: expect.closeTo(2 / 3, 12) });
});

const folder = scoringFixture('mixtral-byte-fallback');
const items: readonly (ChoiceItem | TextItem)[] = [
  { id: 'a', context: 'the router sends', choices: [' each token', ' blue', ' a few experts to the sky'], answer: 0 },
  { id: 'b', context: 'a few', choices: [' experts', ' naïve tokens'], answer: 1 },
  { id: 'cut', context: 'the blue sky '.repeat(60), choices: [' yes', ' no'], answer: 1 },
  { id: 't', text: 'each token sends the router to a few blue experts, 3.5 times '.repeat(12) },
];

/** Keeps half of the experts. */
const pruned = ({ checkpoint: { info } }: ModelRunner): Plan => ({
  kept: Array.from({ length: info.moeLayers }, () => Array.from({ length: info.experts / 2 }, (_, index) => index)),
});

const measure = async (runner: ModelRunner, plans: Readonly<Record<string, Plan | null>>, given = items) => {
  const candidates = Object.entries(plans).map(([key, plan]) => ({ key, plan }));
  const outcomes = await runner.evaluate(given, candidates, { ...uncancelled, fidelity: 'items' });
  return (key: string): readonly ScoredOutcome[] => outcomes.get(key) ?? expect.fail(`nothing for ${key}`);
};
const fidelitiesOf = (outcomes: readonly ScoredOutcome[]): readonly ItemFidelity[] =>
  outcomes.map(({ fidelity }) => fidelity ?? expect.fail('no fidelity'));

describe('a candidate', () => {
  it('has the fidelity that its logits at every scored position give', async () => {
    const runner = await openRunner(folder);
    const { tokenizer, checkpoint } = runner;
    if (tokenizer === null) expect.fail('no tokenizer');
    const { vocabulary, maxPositions } = checkpoint.descriptor;
    const reader = tokenReader(tokenizer);
    const plan = pruned(runner);
    const found = fidelitiesOf((await measure(runner, { whole: null, pruned: plan }))('pruned'));
    for (const [index, item] of items.entries()) {
      const sequences =
        'choices' in item ? encodeChoices(tokenizer, item, maxPositions) : encodeText(tokenizer, item, maxPositions);
      const inputs = sequences.map(({ input }) => input);
      const [before, after] = [
        await runner.forward(inputs, null, uncancelled),
        await runner.forward(inputs, plan, uncancelled),
      ];
      // Positions with the same tokens before them are one.
      const positions = new Map<string, { p: readonly number[]; q: readonly number[]; name: string }>();
      const isCut = sequences.some(({ truncatedTokens }) => truncatedTokens > 0);
      for (const [at, { input, targets }] of sequences.entries())
        for (let position = input.length - targets.length; position < input.length; position += 1) {
          const logProbabilities = (logits: Float32Array | undefined): readonly number[] => {
            const row = [...(logits ?? []).slice(position * vocabulary, (position + 1) * vocabulary)];
            const most = Math.max(...row);
            const sum = most + Math.log(row.reduce((all, logit) => all + Math.exp(logit - most), 0));
            return row.map((logit) => logit - sum);
          };
          const name = JSON.stringify([isCut || 'text' in item ? at : 0, input.slice(0, position + 1)]);
          positions.set(name, {
            p: logProbabilities(before[at]?.logits),
            q: logProbabilities(after[at]?.logits),
            name: reader.piece(input[position - 1] ?? -1, input[position] ?? -1).class,
          });
        }
      const all = [...positions.values()];
      const mean = (of: (p: number, q: number) => number): number =>
        all.flatMap(({ p, q }) => p.map((own, token) => of(own, q[token] ?? NaN))).reduce((sum, one) => sum + one, 0) /
        all.length;
      const klOf = ({ p, q }: (typeof all)[number]): number =>
        p.reduce((sum, own, token) => sum + Math.exp(own) * (own - (q[token] ?? NaN)), 0);
      const best = (list: readonly number[]): number => list.indexOf(Math.max(...list));
      const wanted = {
        kl: mean((p, q) => Math.exp(p) * (p - q)),
        reverseKl: mean((p, q) => Math.exp(q) * (q - p)),
        changed: all.filter(({ p, q }) => best(p) !== best(q)).length / all.length,
        acceptance: mean((p, q) => Math.min(Math.exp(p), Math.exp(q))),
      };
      const own = found[index] ?? expect.fail('no item');
      expect(own.positions).toBe(all.length);
      expect(distance(own, wanted)).toBeLessThan(1e-6);
      expect(own.kl).toBeGreaterThan(1e-4);
      // The same by the class of the token at the position.
      const classes = Map.groupBy(all, ({ name }) => name);
      expect(Object.keys(own.classes ?? {}).sort()).toEqual([...classes.keys()].sort());
      for (const [name, { positions: count, kl, changed }] of Object.entries(own.classes ?? {})) {
        const ofClass = classes.get(name) ?? [];
        expect(count).toBe(ofClass.length);
        expect(kl).toBeCloseTo(ofClass.reduce((sum, one) => sum + klOf(one), 0) / count, 6);
        expect(changed).toBeCloseTo(ofClass.filter(({ p, q }) => best(p) !== best(q)).length / count, 12);
      }
    }
  });

  it('has the outcomes of a call without fidelity, and the same fidelity in any company', async () => {
    const runner = await openRunner(folder);
    const plan = pruned(runner);
    const plain = await runner.evaluate(items, [{ key: 'pruned', plan }], uncancelled);
    const alone = (await measure(runner, { pruned: plan }))('pruned');
    expect(alone.map(({ fidelity: _fidelity, ...rest }) => rest)).toEqual(plain.get('pruned'));
    const together = await measure(runner, { pruned: plan, unpruned: null, again: plan });
    expect(together('pruned')).toEqual(alone);
    expect(together('again')).toEqual(alone);
    const parts = [...(await measure(runner, { pruned: plan }, items.slice(2)))('pruned')];
    for (const [index, own] of fidelitiesOf(parts).entries())
      expect(distance(own, alone[index + 2]?.fidelity ?? expect.fail('no fidelity'))).toBeLessThan(1e-6);
  });

  it('gives exactly 0, 0, 0 and 1 where it is the unpruned model, also from states on disk', async () => {
    const resident = await openRunner(folder);
    const spilled = await openRunner(folder, {
      memoryBudgetBytes: resident.checkpoint.info.memory.streaming,
    });
    for (const runner of [resident, spilled]) {
      const outcomes = await measure(runner, { first: null, second: null });
      for (const key of ['first', 'second'])
        for (const { positions, classes = {}, ...measures } of fidelitiesOf(outcomes(key))) {
          expect(positions).toBeGreaterThan(0);
          const own = Object.values(classes);
          expect(own.map(({ kl, changed }) => [kl, changed])).toEqual(own.map(() => [0, 0]));
          expect(own.reduce((sum, one) => sum + one.positions, 0)).toBe(positions);
          expect(measures).toEqual({ kl: 0, reverseKl: 0, changed: 0, acceptance: 1 });
        }
      const again = fidelitiesOf((await measure(runner, { whole: null }))('whole'));
      expect(again.map(({ kl, acceptance }) => [kl, acceptance])).toEqual(items.map(() => [0, 1]));
    }
    const [here, there] = [
      await measure(resident, { p: pruned(resident) }),
      await measure(spilled, { p: pruned(spilled) }),
    ];
    expect(there('p')).toEqual(here('p'));
  });
});
