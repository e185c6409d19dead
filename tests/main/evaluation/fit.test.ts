import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import {
  halvingRungs,
  inOrderOfLoss,
  itemLosses,
  lossCurve,
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

test('each rung halves the candidates and doubles the items, down to the finalists', () => {
  expect(halvingRungs(20, 200, 4)).toEqual([
    { candidates: 20, items: 50 },
    { candidates: 10, items: 100 },
    { candidates: 5, items: 200 },
  ]);
  expect(halvingRungs(3, 10, 4)).toEqual([{ candidates: 3, items: 10 }]);
  expect(halvingRungs(6, 400, 4).at(-1)).toEqual({ candidates: 4, items: 400 });
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
