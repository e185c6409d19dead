import { expect, test } from 'vitest';
import { armName } from '../../../../main/contract/experiment.ts';
import { experimentPairs } from '../../../../main/evaluation/experiment/pairs.ts';
import { experimentCells } from '../../../../main/evaluation/experiment/rows.ts';
import { pairedInterval } from '../../../../main/statistics/exact-paired-test.ts';
import { crossedMean } from '../../../../main/statistics/crossed-mean.ts';

const N = 40;
/** An arm that gets all items right but the listed ones. */
const arm = (experts: number, kept: number, wrong: readonly number[], seed: number | null = null) => ({
  ...armName.parse({
    task: 'sums',
    model: `e${String(experts)}`,
    experts,
    kept,
    method: experts === kept ? null : 'uncurl',
    treatment: 'as-is',
    seed,
  }),
  right: Array.from({ length: N }, (_, item) => (wrong.includes(item) ? '0' : '1')).join(''),
  truncated: 0,
  training: null,
});
const task = { name: 'sums', metric: 'acc' as const, n: N, groups: null };
const cellsOf = (scratchWrong: readonly number[], draws: readonly (readonly number[])[]) => {
  const arms = [arm(8, 8, scratchWrong), ...draws.map((wrong, seed) => arm(16, 8, wrong, seed))];
  return experimentCells(experimentPairs({ tasks: [task], arms }, 'scratch', 0.02));
};

test('better is impossible where the reference leaves fewer wrong items than a difference needs', () => {
  const isPlus = (gained: number): boolean => pairedInterval({ gained, lost: 0, n: N }).low > 0;
  const fewest = Array.from({ length: N }, (_, wrong) => wrong).findIndex(isPlus);
  expect(fewest).toBeGreaterThan(1);
  const items = Array.from({ length: fewest }, (_, item) => item);
  expect(cellsOf(items.slice(1), [[], []])).toMatchObject([{ sign: 'cannot-tell', atCeiling: true }]);
  expect(cellsOf(items, [[], []])).toMatchObject([{ sign: 'plus', atCeiling: false }]);
  // The pruned arm's own answers do not matter.
  expect(cellsOf(items, [items, [0]])).toMatchObject([{ sign: 'cannot-tell', atCeiling: false }]);
});

test('the mean over draws has the interval over items and draws, beside a range that holds each draw', () => {
  const [cell] = cellsOf([0, 1], [[2, 3, 4], [2, 5, 6, 7, 8], [3]]);
  const moves = [[2, 3, 4], [2, 5, 6, 7, 8], [3]].map((wrong) =>
    Array.from({ length: N }, (_, item) => Number(item < 2) - Number(wrong.includes(item))),
  );
  const { mean, low, high } = crossedMean(moves)!;
  expect(cell?.difference).toBeCloseTo(mean, 12);
  expect(cell?.overDraws).toEqual({ low, high });
  expect(cell!.low).toBeLessThan(low);
  expect(cellsOf([], [[], []])).toMatchObject([{ overDraws: null }]);
});
