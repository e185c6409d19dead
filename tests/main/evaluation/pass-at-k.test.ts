import { expect, it } from 'vitest';
import type { WrittenOutcome } from '../../../main/contract/outcome.ts';
import { passAtK, passesOf, summarise } from '../../../main/evaluation/summarise.ts';

/** All subsets of k of the first `texts` numbers, of which the first `right` are right texts. */
const counted = (texts: number, right: number, k: number): number => {
  const subsets = Array.from({ length: 2 ** texts }, (_, bits) => bits).filter(
    (bits) => bits.toString(2).replaceAll('0', '').length === k,
  );
  return subsets.filter((bits) => (bits & (2 ** right - 1)) !== 0).length / subsets.length;
};

it('is the share of choices of k texts that hold a right one', () => {
  for (let texts = 1; texts <= 6; texts += 1)
    for (let right = 0; right <= texts; right += 1)
      for (let k = 1; k <= texts; k += 1)
        expect(passAtK(texts, right, k), `${k} of ${texts}`).toBeCloseTo(counted(texts, right, k), 12);
});

const written = (item: string, repeat: number, correct: boolean): WrittenOutcome => ({
  kind: 'written',
  id: repeat === 0 ? item : `${item} (repeat ${repeat + 1})`,
  group: item,
  text: 't',
  correct,
  filtered: 't',
  tokens: 3,
  stopped: 'until',
  truncatedTokens: 0,
});
const outcomesOf = (rights: readonly number[], texts: number): readonly WrittenOutcome[] =>
  rights.flatMap((right, item) =>
    Array.from({ length: texts }, (_, repeat) => written(`i${item}`, repeat, repeat < right)),
  );

it('has a difference from the unpruned model, paired by item', () => {
  const [unpruned, pruned] = [outcomesOf([5, 2, 0, 1], 5), outcomesOf([4, 0, 0, 1], 5)];
  const summary = summarise('exact_match', unpruned, pruned);
  expect(summary.passAtK?.map(({ k }) => k)).toEqual([2, 4, 5]);
  const [two] = summary.passAtK ?? [];
  const of = (rights: readonly number[]): number =>
    rights.reduce((sum, right) => sum + counted(5, right, 2), 0) / rights.length;
  expect(two?.value).toBeCloseTo(of([4, 0, 0, 1]), 12);
  expect(two?.difference).toBeCloseTo(of([4, 0, 0, 1]) - of([5, 2, 0, 1]), 12);
  // Student's t of the differences 0, -0.7, 0, 0 with three degrees of freedom.
  expect(two?.low).toBeCloseTo(-0.175 - 3.182446 * (0.35 / 2), 5);
  expect(two?.high).toBeCloseTo(-0.175 + 3.182446 * (0.35 / 2), 5);
  const own = summarise('exact_match', unpruned, null).passAtK;
  expect(own?.map(({ difference, low, high }) => [difference, low, high])).toEqual([
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ]);
});

it('needs no more than two texts of two items', () => {
  const [unpruned, pruned] = [outcomesOf([2, 1], 2), outcomesOf([1, 0], 2)];
  // pass@2 is whether one of both is right: 1 and 1 unpruned, 1 and 0 pruned.
  expect(summarise('exact_match', unpruned, pruned).passAtK).toMatchObject([{ k: 2, value: 0.5, difference: -0.5 }]);
});

it('is absent where items were written once, or unequally often', () => {
  const single = outcomesOf([1, 0], 1).map(({ group: _, ...outcome }) => outcome);
  expect(summarise('exact_match', single, single).passAtK).toBeUndefined();
  const unequal = [...outcomesOf([1], 2), ...outcomesOf([0, 1], 3).slice(3)];
  expect(passesOf(unequal.map((outcome) => [outcome, outcome] as const))).toBeUndefined();
});
