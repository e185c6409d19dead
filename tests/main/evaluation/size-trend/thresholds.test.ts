import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { SizeThreshold } from '../../../../main/contract/size-trend.ts';
import {
  compareBrackets,
  safeCounts,
  sizedModels,
  sizeThresholds,
} from '../../../../main/evaluation/size-trend/thresholds.ts';
import { countBracketPairs, directionOf, expertTrends } from '../../../../main/evaluation/size-trend/trends.ts';
import { sweepThresholds } from '../../../../main/evaluation/threshold.ts';
import { sweepResult } from '../outcomes.ts';
import { sizeThreshold } from '../sample-threshold.ts';

const bracket = (lastSafe: number | null, firstUnsafe: number | null) => ({ lastSafe, firstUnsafe });

describe('brackets of two sizes', () => {
  it.each([
    ['rises', bracket(1, 2), bracket(2, 4)],
    ['rises', bracket(2, 4), bracket(8, null)],
    ['falls', bracket(4, 8), bracket(1, 2)],
    ['falls', bracket(4, null), bracket(2, 4)],
    ['overlaps', bracket(2, 4), bracket(2, 4)],
    // A finer test of the larger model: its bracket lies inside the smaller one's.
    ['overlaps', bracket(2, 4), bracket(2.5, 2.6)],
    // Both are safe as far as they can go, and the larger one can go further: no order.
    ['unknown', bracket(4, null), bracket(32, null)],
    ['unknown', bracket(4, null), bracket(8, 16)],
    ['unknown', bracket(null, null), bracket(2, 4)],
    ['unknown', bracket(2, 4), bracket(null, null)],
  ])('%s', (order, smaller, larger) => {
    expect(compareBrackets(smaller, larger)).toBe(order);
  });

  it('turn round when the sizes do', () => {
    const factor = fc.integer({ min: 0, max: 5 }).map((power) => 2 ** power);
    const any = fc
      .tuple(fc.option(factor), fc.integer({ min: 1, max: 3 }), fc.boolean())
      .map(([last, step, isOpen]) => bracket(last, last === null || isOpen ? null : last * 2 ** step));
    const mirror = { rises: 'falls', falls: 'rises', overlaps: 'overlaps', unknown: 'unknown' } as const;
    fc.assert(fc.property(any, any, (a, b) => compareBrackets(b, a) === mirror[compareBrackets(a, b)]));
  });

  it('take 16 / 3 and its rounded neighbour for the same factor', () => {
    expect(compareBrackets(bracket(2, 16 / 3), bracket(16 / 3 - 1e-13, 8))).toBe('rises');
  });
});

test('a threshold has the bytes of its own model, task and curve at its last safe and first unsafe factor', () => {
  const bytesOf = { a: { reap: [90, 50, 30], random: [90, 51, 31] }, b: { reap: [90, 52, 32] } };
  const results = Object.entries(bytesOf).flatMap(([task, curves]) =>
    Object.entries(curves).flatMap(([method, sizes]) =>
      sizes.map((bytes, index) =>
        sweepResult({
          task,
          method: index === 0 ? 'unpruned' : method,
          factor: 2 ** index,
          kept: 16 / 2 ** index,
          lost: index === 2 ? 500 : 0,
          cost: { bytes, activeParameters: 1, cacheBytesPerToken: 1 },
        }),
      ),
    ),
  );
  const thresholds = sizeThresholds({ results, thresholds: sweepThresholds(results, 0.02) }, sizedModels(results));
  expect(thresholds.map(({ task, method, bytesSafe, bytesUnsafe }) => [task, method, bytesSafe, bytesUnsafe])).toEqual([
    ['a', 'reap', 50, 30],
    ['a', 'random', 51, 31],
    ['b', 'reap', 52, 32],
  ]);
});

test('safe tasks are counted at factors that two sizes share, by method and size', () => {
  const point = (method: string, factor: number, experts: number) =>
    sweepResult({ model: `e${String(experts)}`, method, factor, kept: experts / factor });
  // "random" was measured at other factors than REAP, and factor 8 in one size alone.
  const results = [8, 16].flatMap((experts) => [point('reap', 2, experts), point('random', 4, experts)]);
  const thresholds = [
    sizeThreshold({ experts: 8, task: 'a', lastSafe: 2, firstUnsafe: 4 }),
    sizeThreshold({ experts: 16, task: 'a', lastSafe: 1, firstUnsafe: 2 }),
    sizeThreshold({ experts: 16, task: 'b', lastSafe: 2, firstUnsafe: 4 }),
    sizeThreshold({ experts: 16, task: 'a', method: 'random', lastSafe: 4, firstUnsafe: null }),
  ];
  const counted = safeCounts(thresholds, [...results, point('reap', 8, 16)], ['reap', 'random'], [8, 16], 'chosen');
  expect(counted).toEqual([
    {
      answers: 'chosen',
      method: 'reap',
      factor: 2,
      shares: [
        { experts: 8, safe: 1, of: 1 },
        { experts: 16, safe: 1, of: 2 },
      ],
    },
    {
      answers: 'chosen',
      method: 'random',
      factor: 4,
      shares: [
        { experts: 8, safe: 0, of: 0 },
        { experts: 16, safe: 1, of: 1 },
      ],
    },
  ]);
});

describe('trends', () => {
  const at = (
    experts: number,
    lastSafe: number | null,
    firstUnsafe: number | null,
    model = `e${experts}`,
  ): SizeThreshold => sizeThreshold({ model, experts, lastSafe, firstUnsafe });

  it('count every pair of models that differ in E, and none that do not', () => {
    const points = [at(8, 1, 2, 'a'), at(8, 2, 4, 'b'), at(16, 2, 4), at(32, 4, 8)];
    expect(countBracketPairs(points)).toEqual({ rises: 4, falls: 0, overlaps: 1, unknown: 0 });
  });

  it('have the sign of most pairs', () => {
    const pairs = { rises: 0, falls: 0, overlaps: 0, unknown: 0 };
    expect(directionOf({ ...pairs, rises: 2, falls: 1 })).toBe('rises');
    expect(directionOf({ ...pairs, falls: 1, overlaps: 5 })).toBe('falls');
    expect(directionOf({ ...pairs, rises: 1, falls: 1 })).toBe('stays');
    expect(directionOf({ ...pairs, overlaps: 1, unknown: 5 })).toBe('stays');
    expect(directionOf({ ...pairs, unknown: 6 })).toBe('cannot-tell');
  });

  it('keep the spread over trainings of one size, and leave out tasks that only one size has', () => {
    const points = [at(8, 1, 2, 'a'), at(8, 4, null, 'b'), at(16, null, null), sizeThreshold({ task: 'alone' })];
    const trends = expertTrends(points, ['sums', 'alone'], ['reap', 'random']);
    expect(trends.map(({ task, spread }) => [task, spread])).toEqual([
      [
        'sums',
        [
          { experts: 8, models: 2, lowest: 1, highest: 4 },
          { experts: 16, models: 1, lowest: null, highest: null },
        ],
      ],
    ]);
  });
});
