import { expect, test } from 'vitest';
import type { ChoiceOutcome } from '../../../main/contract/outcome.ts';
import { answerLossOf } from '../../../main/evaluation/answer-loss.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { choiceOutcome } from './outcomes.ts';

/** An item whose right choice has this log-probability. */
const item = (logprob: number, group?: string): ChoiceOutcome => ({
  ...choiceOutcome('q', true),
  logprobs: [logprob, -9],
  ...(group === undefined ? {} : { group }),
});
const pairsOf = (losses: readonly number[], groups?: readonly string[]) =>
  losses.map((loss, index) => [item(-1, groups?.[index]), item(-1 - loss, groups?.[index])] as const);

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
