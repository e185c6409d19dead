import { expect, test } from 'vitest';
import { compareExperiments } from '../../../main/reproduction/experiment-differences.ts';
import { answers, arm, record } from '../evaluation/experiment/made-up.ts';

const sizes = [8, 32];
const unpruned = [arm(8, 8, answers(20)), arm(32, 32, answers(10))];

test('an arm whose answers changed is named, with the pairs whose sign changed', () => {
  const before = record([...unpruned, arm(32, 8, answers(60), { seed: 0 })], { sizes });
  expect(compareExperiments(before, before)).toMatchObject({ arms: 3, changed: [], missing: [], signs: [] });
  const other = record([...unpruned, arm(32, 8, answers(0), { seed: 0 })], { sizes });
  const found = compareExperiments(before, other);
  expect(found.changed.map(({ kept, flipped }) => [kept, flipped.length])).toEqual([[8, 60]]);
  expect(found.signs.map(({ before: { sign }, after: second }) => [sign, second.sign])).toEqual([
    ['minus', 'plus'],
    ['minus', 'plus'],
  ]);
});

test('each draw is compared with itself, and one that was not repeated is missing', () => {
  const drawn = (wrong: readonly number[]) =>
    record([...unpruned, ...wrong.map((count, seed) => arm(32, 8, answers(count), { seed }))], { sizes });
  expect(compareExperiments(drawn([60, 50]), drawn([60, 50]))).toMatchObject({ arms: 4, changed: [], missing: [] });
  const found = compareExperiments(drawn([60, 50, 40]), drawn([60, 49]));
  expect(found.changed.map(({ seed, flipped }) => [seed, flipped])).toEqual([[1, [49]]]);
  expect(found.missing.map(({ seed }) => seed)).toEqual([2]);
});
