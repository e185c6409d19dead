import { expect, test } from 'vitest';
import {
  FORECAST_CUT,
  FORECAST_FACTORS,
  FORECAST_ITEMS,
  foretoldThreshold,
  isForetoldSafe,
  isRecordedKind,
  outsideRecords,
} from '../../../main/evaluation/written-forecast.ts';

test('the threshold is the last factor of the curve before the first loss that is too large', () => {
  const curve = [1.33, 2, 4].map((factor) => ({ factor, loss: 0 }));
  expect(foretoldThreshold(curve)).toBe(4);
  expect(foretoldThreshold([{ factor: 2, loss: FORECAST_CUT }])).toBe(1);
  expect(foretoldThreshold([])).toBe(1);
  expect(FORECAST_FACTORS).toEqual(FORECAST_FACTORS.toSorted((left, right) => left - right));
  // What is safe again past a gap does not count.
  expect(foretoldThreshold(curve.map((point) => (point.factor === 2 ? { factor: 2, loss: 1 } : point)))).toBe(1.33);
  expect([-1, 0, FORECAST_CUT].map(isForetoldSafe)).toEqual([true, true, false]);
});

test('nothing is foretold outside what the records hold', () => {
  const inside = {
    experts: 64,
    parameters: 5e6,
    method: 'reap',
    answers: Array.from({ length: FORECAST_ITEMS }, () => ' zwei'),
  };
  expect(outsideRecords(inside)).toBeNull();
  expect(outsideRecords({ ...inside, experts: 8 })).toBeNull();
  const outside = [
    { experts: 128 },
    { experts: 4 },
    { parameters: 7e9 },
    { method: 'uncurl' },
    { method: null },
    { answers: inside.answers.slice(1) },
    { answers: [...inside.answers, 'x'.repeat(21)] },
  ];
  expect(outside.map((change) => outsideRecords({ ...inside, ...change }))).toEqual([
    expect.stringContaining('8 to 64 experts'),
    expect.stringContaining('8 to 64 experts'),
    expect.stringContaining('more than 10 times the parameters'),
    expect.stringContaining('frequency and reap'),
    expect.stringContaining('every expert stays'),
    expect.stringContaining('there are 49'),
    expect.stringContaining('up to 21 characters'),
  ]);
  const even = { weights: 'stored', refit: false, kept: 8 } as const;
  expect(isRecordedKind(even)).toBe(true);
  for (const change of [{ weights: 'int8' as const }, { refit: true }, { kept: [8, 9] }])
    expect(isRecordedKind({ ...even, ...change })).toBe(false);
});
