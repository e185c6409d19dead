import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import { answerLossOf, fidelityOf } from '../../../main/evaluation/fidelity.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { choiceOutcome, textOutcome } from './outcomes.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

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

/** An item whose right choice has this log-probability. */
const rated = (logprob: number, group?: string): ChoiceOutcome => ({
  ...choiceOutcome('q', true),
  logprobs: [logprob, -9],
  ...(group === undefined ? {} : { group }),
});
const pairsOf = (losses: readonly number[], groups?: readonly string[]) =>
  losses.map((loss, index) => [rated(-1, groups?.[index]), rated(-1 - loss, groups?.[index])] as const);

test('the mean and its interval are those of Student’s t', () => {
  // R: t.test(c(1, 2, 4)) gives 2.333333 and [-1.461265, 6.127932].
  const found = answerLossOf(pairsOf([1, 2, 4]));
  expect(found?.mean).toBeCloseTo(7 / 3, 12);
  expect(found?.low).toBeCloseTo(-1.461_265, 4);
  expect(found?.high).toBeCloseTo(6.127_932, 4);
});

test('items that share a passage count as one', () => {
  const alone = answerLossOf(pairsOf([1, 2, 4], ['a', 'b', 'c']));
  expect(alone).toEqual(answerLossOf(pairsOf([1, 2, 4])));
  const twice = answerLossOf(pairsOf([1, 1, 2, 2, 4, 4], ['a', 'a', 'b', 'b', 'c', 'c']));
  for (const end of ['mean', 'low', 'high'] as const) expect(twice?.[end]).toBeCloseTo(alone?.[end] ?? NaN, 12);
  // A ratio of sums over passages of different sizes: 9 / 4, error sqrt(3 / 2 * (0.25^2 + 2 * 0.25^2 * 2)) / 4.
  const uneven = answerLossOf(pairsOf([2, 2.5, 2, 2.5], ['a', 'b', 'c', 'c']));
  expect(uneven?.mean).toBeCloseTo(2.25, 12);
  expect((uneven?.high ?? 0) - 2.25).toBeCloseTo((4.302_653 * Math.sqrt(1.5 * 2 * 0.25 ** 2)) / 4, 6);
});

test('one item, or one passage, has no interval', () => {
  expect(answerLossOf(pairsOf([1]))).toBeUndefined();
  expect(answerLossOf(pairsOf([1, 2], ['a', 'a']))).toBeUndefined();
});

test('the 95 % interval covers the true mean in 95 % of samples of 150 skewed losses', () => {
  const random = seededRandom(3);
  // Squares of a uniform number: mean 1/3.
  const drawn = () => Array.from({ length: 150 }, () => random.float() ** 2);
  const samples = 2_000;
  const covered = Array.from({ length: samples }, () => answerLossOf(pairsOf(drawn()))).filter(
    (found) => found !== undefined && found.low <= 1 / 3 && 1 / 3 <= found.high,
  ).length;
  // Three standard errors of a share of 0.95 of 2,000.
  expect(Math.abs(covered / samples - 0.95)).toBeLessThan(0.015);
});
