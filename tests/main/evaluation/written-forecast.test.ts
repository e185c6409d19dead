import { expect, test } from 'vitest';
import {
  FORECAST_CUT,
  FORECAST_FACTORS,
  FORECAST_ITEMS,
  forecastWords,
  foretoldThreshold,
  isForetoldSafe,
  isRecordedKind,
  outsideRecords,
} from '../../../main/evaluation/written-forecast.ts';
import { sweepResult } from './outcomes.ts';

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
  // White space around an answer does not count.
  expect(outsideRecords({ ...inside, answers: [...inside.answers, ` ${'x'.repeat(20)}`] })).toBeNull();
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

test('a forecast is told with what became of it: borne out, refuted, or not tested', () => {
  const making = { method: 'reap', gates: null, refit: false, weights: 'stored' } as const;
  const scored = { bytes: 1e6, memoryBytes: null, items: 50, loss: null, fits: true };
  const nameOf = (kept: number): string => `reap ${String(kept)}`;
  const candidates = [12, 8, 4, 2].map((kept) => ({ ...making, ...scored, name: nameOf(kept), kept }));
  const call = (kept: number, isSafe: boolean, task = 'sums') => {
    return { name: nameOf(kept), task, loss: isSafe ? 0 : FORECAST_CUT, isSafe };
  };
  const tested = (kept: number, verdict: 'safe' | 'undecided' | 'worse' | 'at-chance') => {
    return { name: nameOf(kept), result: sweepResult({}), verdict };
  };
  const forecast = {
    task: 'sums',
    unknown: null,
    method: 'reap' as const,
    curve: [{ factor: 2, loss: 0 }],
    calls: [call(12, true), call(8, true), call(4, false), call(2, false), call(12, true, 'other')],
    earlier: { tested: 0, held: 0 },
  };
  const document = { experts: 16, candidates, task: 'sums', elsewhere: [] };
  // As in the records, what is undecided is not safe.
  const measured = [tested(12, 'safe'), tested(8, 'undecided'), tested(4, 'worse'), tested(2, 'safe')];
  const [first, ...calls] = forecastWords({ ...document, forecast, tested: measured });
  expect(first).toContain('safe up to \u00d72 by REAP');
  const [right, wrong] = ['right in 54 of 60 records', 'right in 313 of 318 records'];
  const atFour = 'Forecast for 4 of 16 experts by REAP, weights as stored';
  expect(calls).toEqual([
    `Forecast for 12 of 16 experts by REAP, weights as stored: safe when it writes (${right}): the test bore it out.`,
    `Forecast for 8 of 16 experts by REAP, weights as stored: safe when it writes (${right}): the test refuted it.`,
    `${atFour}: not safe when it writes (${wrong}): the test bore it out.`,
    `Forecast for 2 of 16 experts by REAP, weights as stored: not safe when it writes (${wrong}): the test refuted it.`,
    `Forecast for 12 of 16 experts by REAP, weights as stored: safe when it writes (${right}): not tested here.`,
  ]);
  // Where the unpruned model is at chance the test says nothing.
  const [, chance] = forecastWords({ ...document, forecast, tested: [tested(12, 'at-chance')] });
  expect(chance).toMatch(/: not tested here\.$/);
});
