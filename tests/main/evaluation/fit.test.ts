import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import {
  halvingRungs,
  inOrderOfLoss,
  isDecided,
  itemLosses,
  lossCurve,
  lossDifference,
  meanLoss,
  splitItems,
} from '../../../main/evaluation/fit.ts';
import { levelAfterLooks } from '../../../main/evaluation/planned-looks.ts';

const outcome = (id: string, logprob: number, group?: string): ChoiceOutcome => ({
  kind: 'choice',
  id,
  logprobs: [logprob],
  chosen: 0,
  chosenNorm: 0,
  answer: 0,
  truncatedTokens: 0,
  group,
});

test('calibration items fall into two parts that share nothing, and groups stay together', () => {
  const items = Array.from({ length: 100 }, (_, index) => ({
    id: String(index),
    group: index < 40 ? String(Math.floor(index / 4)) : undefined,
  }));
  const { profile, scoring } = splitItems(items, 0.4, 7);
  expect(profile.length).toBeGreaterThan(30);
  expect(profile.length).toBeLessThanOrEqual(40);
  expect([...profile, ...scoring].map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id).sort());
  const groupsOf = (part: typeof profile): ReadonlySet<string> => new Set(part.flatMap(({ group }) => group ?? []));
  expect([...groupsOf(profile)].filter((group) => groupsOf(scoring).has(group))).toEqual([]);
  expect(splitItems(items, 0.4, 7)).toEqual({ profile, scoring });
  expect(splitItems(items, 0.4, 8).profile).not.toEqual(profile);
});

test('each rung halves the candidates and doubles the items, down to two, within a third of all answers', () => {
  expect(halvingRungs(20, 200)).toEqual([
    { candidates: 20, items: 25 },
    { candidates: 10, items: 50 },
    { candidates: 5, items: 100 },
    { candidates: 3, items: 200 },
  ]);
  expect(halvingRungs(3, 10)).toEqual([{ candidates: 3, items: 10 }]);
  expect(halvingRungs(1, 400)).toEqual([
    { candidates: 1, items: 50 },
    { candidates: 1, items: 100 },
    { candidates: 1, items: 133 },
  ]);
  // Two are compared on 64 items, even where that is more than a third.
  expect(halvingRungs(2, 150).at(-1)).toEqual({ candidates: 2, items: 64 });
  expect(halvingRungs(2, 50).at(-1)).toEqual({ candidates: 2, items: 50 });
  expect(halvingRungs(4, 100, 1).at(-1)).toEqual({ candidates: 2, items: 100 });
  for (const candidates of [3, 4, 5, 8, 17, 40]) {
    const rungs = halvingRungs(candidates, 150);
    const answers = rungs.reduce(
      (sum, rung, at) => sum + rung.candidates * (rung.items - (rungs[at - 1]?.items ?? 0)),
      0,
    );
    expect(answers).toBeLessThanOrEqual((candidates * 150) / 3);
  }
});

test('a candidate needs no more answers once it loses more, or once it cannot gain what matters', () => {
  const at = (low: number) => ({ mean: low + 0.01, low, high: low + 0.02 });
  expect([isDecided(at(0.001), 16), isDecided(at(-0.001), 16)]).toEqual([true, false]);
  // One that loses exactly as much as the best one stays.
  expect(isDecided({ mean: 0, low: 0, high: 0 }, 16)).toBe(false);
  expect([isDecided(at(-0.001), 64), isDecided(at(-0.1), 64)]).toEqual([true, false]);
});

test('candidates are compared on the items that both answered', () => {
  const losses = (...nats: readonly number[]) => nats.map((value) => ({ nats: value, group: undefined }));
  expect(lossDifference(losses(0.5, 0.7), losses(0.25, 0.25, 9))?.mean).toBeCloseTo(0.35, 12);
  expect(lossDifference(losses(0.5), losses(0.25, 0.25))).toBeNull();
});

test('losses are those of the right answer, item by item, and their mean has an interval over passages', () => {
  const before = [outcome('a', -1, 'p'), outcome('b', -2, 'p'), outcome('c', -3, 'q')];
  const after = [outcome('a', -1.5, 'p'), outcome('b', -2.5, 'p'), outcome('c', -3, 'q')];
  const losses = itemLosses(before, after);
  expect(losses.map(({ nats }) => nats)).toEqual([0.5, 0.5, 0]);
  expect(meanLoss(losses)?.mean).toBeCloseTo(1 / 3, 12);
  expect(meanLoss(losses.slice(0, 1))).toBeNull();
  expect(() => itemLosses(before, [...after].reverse())).toThrow('outcomes of other items');
});

test('candidates with more items come first, and only those with the most are on the curve', () => {
  const at = (name: string, bytes: number, mean: number, items: number) => ({
    name,
    bytes,
    items,
    loss: { mean, low: mean, high: mean },
  });
  const candidates = [
    at('lucky', 50, 0, 10),
    at('small', 60, 0.4, 40),
    at('large', 90, 0.1, 40),
    at('vain', 95, 0.2, 40),
  ];
  expect(inOrderOfLoss(candidates).map(({ name }) => name)).toEqual(['large', 'vain', 'small', 'lucky']);
  expect(lossCurve(candidates).map(({ name }) => name)).toEqual(['small', 'large']);
});

test('every earlier look halves the level, and all together stay below a tenth', () => {
  expect([0, 1, 2].map(levelAfterLooks)).toEqual([0.05, 0.025, 0.0125]);
  expect(levelAfterLooks(1000)).toBe(levelAfterLooks(10));
  expect(
    Array.from({ length: 11 }, (_, earlier) => levelAfterLooks(earlier)).reduce((sum, level) => sum + level),
  ).toBeLessThan(0.1);
});
