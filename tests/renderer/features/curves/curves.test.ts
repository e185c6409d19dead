import { expect, test } from 'vitest';
import type { SweepDocument, SweepResult, Threshold } from '../../../../main/contract/sweep.ts';
import { figureTheme } from '../../../../main/figures/colors.ts';
import { modelChart } from '../../../../main/figures/model-charts.ts';
import { thresholdValue } from '../../../../main/words/verdicts.ts';
import { measuredTasks, sweepMethods, thresholdSummary } from '../../../../renderer/features/curves/curves-tables.tsx';

const result = (method: string, seed: number | null, factor: number, value: number): SweepResult => ({
  model: 'm',
  task: 'sums',
  method,
  seed,
  factor,
  kept: 16 / factor,
  n: 300,
  evaluated: 300,
  metric: 'acc',
  value,
  acc: value,
  accNorm: value,
  perplexity: null,
  difference: value - 0.9,
  low: value - 0.95,
  high: value - 0.86,
  lowOneSided: value - 0.94,
  highOneSided: 0.02,
  p: factor === 1 ? null : 0.5,
  lost: 0,
  gained: 0,
  truncated: 0,
});
const threshold = (
  method: string,
  seed: number | null,
  verdict: Threshold['verdict'],
  factor: number | null,
  lastSafe: number | null,
  firstUnsafe: number | null,
): Threshold => ({
  model: 'm',
  task: 'sums',
  method,
  seed,
  factor,
  lastSafe,
  firstUnsafe,
  firstWorse: null,
  delta: 0.02,
  n: 300,
  verdict,
  power: null,
});

const document: SweepDocument = {
  run: 'r',
  rule: '',
  results: [
    result('reap', null, 4, 0.5),
    result('unpruned', null, 1, 0.9),
    result('random', 1, 2, 0.4),
    result('random', 0, 2, 0.6),
    result('reap', null, 2, 0.89),
  ],
  thresholds: [
    threshold('reap', null, 'found', 2, 2, 4),
    threshold('random', 0, 'none-safe', 1, 1, 2),
    threshold('random', 1, 'none-safe', 1, 1, 2),
  ],
};
const methods = sweepMethods(document);
const curvesOf = (drawn: SweepDocument, method: string) =>
  modelChart('absolute')
    .make(drawn, 'm', figureTheme('light'))
    ?.charts.find(({ key }) => key === 'sums')
    ?.series.find(({ key }) => key === method);
const rounded = (values: readonly (readonly number[])[] | undefined) =>
  values?.map((one) => one.map((value) => Number(value.toFixed(6))));

test('the unpruned model is not a method: every line starts at it; of several draws it is their mean', () => {
  expect(methods).toEqual(['random', 'reap']);
  const [random, reap] = methods.map((method) => curvesOf(document, method));
  expect(rounded(random?.line)).toEqual([
    [1, 0.9],
    [2, 0.5],
  ]);
  expect(rounded(random?.band?.edges)).toEqual([
    [1, 0.9, 0.9],
    [2, 0.4, 0.6],
  ]);
  expect(rounded(reap?.line)).toEqual([
    [1, 0.9],
    [2, 0.89],
    [4, 0.5],
  ]);
});

test('a line has no mean over only those draws that a threshold search measured', () => {
  const point = { model: 'm', task: 'sums', method: 'random', seed: 0, factor: 4, kept: 4 };
  const results = [...document.results, result('random', 1, 4, 0.8)];
  const factors = (notNeeded: SweepDocument['notNeeded']) =>
    curvesOf({ ...document, results, notNeeded }, 'random')?.line.map(([factor]) => factor);
  expect(factors(undefined)).toEqual([1, 2, 4]);
  expect(factors([point])).toEqual([1, 2]);
});

test('intervals are shifted to the unpruned value, and only single-seed methods show them', () => {
  const [random, reap] = methods.map((method) => curvesOf(document, method));
  const [two] = reap?.points ?? [];
  expect(rounded(two?.whiskers.map(({ low, high }) => [low, high]))).toEqual([[0.84, 0.93]]);
  expect(reap?.points.filter(({ isThreshold }) => isThreshold).map(({ x }) => x)).toEqual([2]);
  expect(random?.points.map(({ y, whiskers, look }) => [y, whiskers, look])).toEqual([
    [0.6, [], 'small'],
    [0.4, [], 'small'],
  ]);
});

test('tasks are in the order of the list, with their thresholds', () => {
  const other = { ...document, results: [...document.results, { ...result('reap', null, 2, 0.5), task: 'add' }] };
  const tasks = measuredTasks(other, 'm', [{ name: 'sums' }]);
  expect(tasks.map(({ task, n, thresholds }) => [task, n, thresholds.length])).toEqual([
    ['sums', 300, 3],
    ['add', 300, 0],
  ]);
});

test('a recovered curve follows its method, and a name that is no method comes last', () => {
  const mixed = {
    ...document,
    results: ['mine', 'uncurl+recovery', 'reap+recovery', 'uncurl', 'reap'].map((method) =>
      result(method, null, 2, 0.5),
    ),
  };
  expect(sweepMethods(mixed)).toEqual(['reap', 'reap+recovery', 'uncurl', 'uncurl+recovery', 'mine']);
});

test('verdicts are read out as brackets, never as an uncertain number', () => {
  expect(thresholdValue(threshold('reap', null, 'found', 2, 2, 4))).toBe('×2');
  expect(thresholdValue(threshold('reap', null, 'all-safe', 8, 8, null))).toBe('≥ ×8');
  expect(thresholdValue(threshold('reap', null, 'none-safe', 1, 1, 2))).toBe('< ×2 ?');
  expect(thresholdValue(threshold('reap', null, 'cannot-tell', null, null, null))).toBe('?');
  expect(
    thresholdSummary([threshold('random', 0, 'none-safe', 1, 1, 2), threshold('random', 1, 'found', 2, 2, 4)]),
  ).toEqual({ value: '< ×2 ? … ×2', note: '2 draws differ' });
  expect(thresholdSummary([])).toBeNull();
});
