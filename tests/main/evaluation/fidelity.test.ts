import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import { fidelityOf } from '../../../main/evaluation/fidelity.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { choiceOutcome, textOutcome } from './outcomes.ts';

const item = (positions: number, kl: number, group?: string): ChoiceOutcome => ({
  ...choiceOutcome('q', true),
  fidelity: { positions, kl, reverseKl: 2 * kl, changed: kl / 10, acceptance: 1 - kl / 10 },
  ...(group === undefined ? {} : { group }),
});

test('means are over positions, and intervals over items', () => {
  // R: t.test(c(1, 2, 4)) gives 2.333333 and [-1.461265, 6.127932].
  const even = fidelityOf([item(5, 1), item(5, 2), item(5, 4)]);
  expect(even?.positions).toBe(15);
  expect(even?.kl.mean).toBeCloseTo(7 / 3, 12);
  // The lower end would be -1.461265, which is no KL; an acceptance above 1 is none either.
  expect([even?.kl.low, even?.acceptance.high]).toEqual([0, 1]);
  expect(even?.reverseKl.high).toBeCloseTo(2 * 6.127_932, 4);
  expect(even?.changed.mean).toBeCloseTo(7 / 30, 12);
  expect(even?.acceptance.mean).toBeCloseTo(1 - 7 / 30, 12);
  // The ratio 13 / 8, error sqrt(2 * (0.625^2 + 0.625^2)) / 8 = 1.25 / 8.
  const uneven = fidelityOf([item(1, 1), item(7, 12 / 7)]);
  expect(uneven?.kl.mean).toBeCloseTo(13 / 8, 12);
  expect((uneven?.kl.high ?? 0) - 13 / 8).toBeCloseTo((12.706_205 * 1.25) / 8, 5);
});

test('classes of tokens have means over their own positions, and intervals over items', () => {
  const digits = (positions: number, kl: number): ChoiceOutcome => {
    const own = item(positions + 1, 1);
    const digit = { positions, kl, changed: 0.5 };
    const { fidelity } = own;
    if (fidelity === undefined) throw new Error('an item without fidelity');
    return { ...own, fidelity: { ...fidelity, classes: { digit, other: { positions: 1, kl: 0, changed: 0 } } } };
  };
  const found = fidelityOf([digits(1, 1), digits(7, 12 / 7)]);
  expect(found?.classes?.map(({ name, positions }) => [name, positions])).toEqual([
    ['digit', 8],
    ['other', 2],
  ]);
  // As the ratio of the other test.
  expect(found?.classes?.[0]?.kl.mean).toBeCloseTo(13 / 8, 12);
  expect((found?.classes?.[0]?.kl.high ?? 0) - 13 / 8).toBeCloseTo((12.706_205 * 1.25) / 8, 5);
  expect(found?.classes?.[0]?.changed).toEqual({ mean: 0.5, low: 0.5, high: 0.5 });
  expect(fidelityOf([digits(1, 1), item(5, 1)])?.classes).toBeUndefined();
});

test('items that share a passage count as one', () => {
  const twice = fidelityOf([item(5, 1, 'a'), item(5, 1, 'a'), item(5, 2, 'b'), item(5, 2, 'b'), item(10, 4, 'c')]);
  const once = fidelityOf([item(10, 1), item(10, 2), item(10, 4)]);
  for (const end of ['mean', 'low', 'high'] as const) expect(twice?.kl[end]).toBeCloseTo(once?.kl[end] ?? NaN, 12);
});

test('there is none for one item, and where some items lack it', () => {
  expect(fidelityOf([item(5, 1)])).toBeUndefined();
  expect(fidelityOf([item(5, 1), choiceOutcome('without', true), item(5, 2)])).toBeUndefined();
});

test('a result has the fidelity of the candidate, the unpruned model its own', () => {
  const none = { kl: 0, reverseKl: 0, changed: 0, acceptance: 1 };
  const before = [item(5, 0), item(7, 0)].map((one) => ({ ...one, fidelity: { positions: 5, ...none } }));
  const after = [item(5, 1), item(5, 3)];
  expect(summarise('acc', before, after).fidelity?.kl.mean).toBe(2);
  const point = { mean: 0, low: 0, high: 0 };
  expect(summarise('acc', before, null).fidelity).toMatchObject({
    kl: point,
    acceptance: { mean: 1, low: 1, high: 1 },
  });
  const text = { ...textOutcome('t', -2, 5), fidelity: { positions: 5, ...none } };
  expect(summarise('perplexity', [text, text], null).fidelity?.changed).toEqual(point);
});
