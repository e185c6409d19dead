import type { WrittenOutcome } from '../contract/outcome.ts';
import type { PassAtK } from '../contract/sweep.ts';
import { ratioInterval } from '../statistics/ratio-interval.ts';
import { groupBy } from './threshold.ts';

/**
 * Chance that at least one of k texts is right, of which `right` of `texts` were: the unbiased estimator
 * 1 - C(texts - right, k) / C(texts, k) (Chen et al. 2021, "Evaluating Large Language Models Trained on Code",
 * equation 1), as a product. `k` is at most `texts`.
 */
export const passAtK = (texts: number, right: number, k: number): number => {
  if (texts - right < k) return 1;
  let noneRight = 1;
  for (let index = 0; index < k; index += 1) noneRight *= (texts - right - index) / (texts - index);
  return 1 - noneRight;
};

/** Powers of two from 2 on, and the number of texts itself. */
const countsOf = (texts: number): readonly number[] => {
  const powers = Array.from({ length: 30 }, (_, exponent) => 2 ** (exponent + 1)).filter((k) => k < texts);
  return [...powers, texts];
};

/**
 * pass@k of items that were written several times, for k of 2, 4, 8, ... and all texts of an item: mean over items,
 * and the difference from the unpruned model with its 95 % interval, Student's t of the items' paired differences.
 * Undefined unless at least two items have the same number of texts, two or more.
 */
export const passesOf = (
  pairs: readonly (readonly [WrittenOutcome, WrittenOutcome])[],
): readonly PassAtK[] | undefined => {
  const items = groupBy(pairs, ([{ id, group }]) => group ?? id);
  const [texts, ...others] = new Set(items.map(({ length }) => length));
  if (texts === undefined || others.length > 0 || texts < 2 || items.length < 2) return undefined;
  const rights = items.map((repeats) => ({
    before: repeats.filter(([before]) => before.correct).length,
    after: repeats.filter(([, after]) => after.correct).length,
  }));
  return countsOf(texts).map((k) => {
    const value = rights.reduce((sum, { after }) => sum + passAtK(texts, after, k), 0) / items.length;
    const moves = rights.map(({ before, after }) => ({
      sum: passAtK(texts, after, k) - passAtK(texts, before, k),
      count: 1,
    }));
    const { mean = 0, low = 0, high = 0 } = ratioInterval(moves) ?? {};
    return { k, value, difference: mean, low, high };
  });
};
