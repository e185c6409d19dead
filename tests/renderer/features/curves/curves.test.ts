import { expect, test } from 'vitest';
import type { SweepDocument, SweepResult, Threshold } from '../../../../main/contract/sweep.ts';
import { thresholdValue } from '../../../../main/words/verdicts.ts';
import { chartRows, dodged, factorTicks } from '../../../../renderer/features/curves/chart-rows.ts';
import { nextPoint, sweepMethods, taskCurves, twinOf } from '../../../../renderer/features/curves/task-curves.ts';
import { thresholdSummary } from '../../../../renderer/features/curves/curves-tables.tsx';
import { taskEntryOf } from '../../../main/contract/entries.ts';

const result = (method: string, seed: number | null, factor: number, value: number): SweepResult => ({
  model: 'm',
  task: 'sums',
  method,
  seed,
  factor,
  kept: 16 / factor,
  n: 300,
  metric: 'acc',
  value,
  acc: value,
  accNorm: value,
  perplexity: null,
  difference: value - 0.9,
  low: value - 0.95,
  high: value - 0.86,
  lowOneSided: value - 0.94,
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
const [sums] = taskCurves(document, 'm', methods, ['sums']);

test('the unpruned model is not a method: every line starts at it', () => {
  expect(methods).toEqual(['random', 'reap']);
  expect(sums?.unpruned).toBe(0.9);
  expect(sums?.curves.map((curve) => curve.line)).toEqual([
    [
      { factor: 1, value: 0.9, lowest: 0.9, highest: 0.9 },
      { factor: 2, value: 0.5, lowest: 0.4, highest: 0.6 },
    ],
    [
      { factor: 1, value: 0.9, lowest: 0.9, highest: 0.9 },
      { factor: 2, value: 0.89, lowest: 0.89, highest: 0.89 },
      { factor: 4, value: 0.5, lowest: 0.5, highest: 0.5 },
    ],
  ]);
});

test('a line has no mean over only those draws that a threshold search measured', () => {
  const point = { model: 'm', task: 'sums', method: 'random', seed: 0, factor: 4, kept: 4 };
  const results = [...document.results, result('random', 1, 4, 0.8)];
  const lineOf = (notNeeded: SweepDocument['notNeeded']) =>
    taskCurves({ ...document, results, notNeeded }, 'm', ['random'], ['sums'])[0]?.curves[0]?.line;
  expect(lineOf(undefined)?.map(({ factor }) => factor)).toEqual([1, 2, 4]);
  expect(lineOf([point])?.map(({ factor }) => factor)).toEqual([1, 2]);
});

test('intervals are shifted to the unpruned value, and only single-seed methods show them', () => {
  const [random, reap] = sums?.curves ?? [];
  if (random === undefined || reap === undefined) throw new Error('two curves are expected');
  const rows = chartRows(reap, 0.9, 1, 2);
  const two = rows.find((row) => row.result?.factor === 2);
  expect(two?.band?.map((edge) => Number(edge.toFixed(6)))).toEqual([0.84, 0.93]);
  expect(rows.filter((row) => row.threshold).map((row) => row.result?.factor)).toEqual([2]);
  const seeds = chartRows(random, 0.9, 0, 2).filter((row) => row.dot !== null);
  expect(seeds.map((row) => [row.dot, row.error])).toEqual([
    [0.6, null],
    [0.4, null],
  ]);
});

test('methods are drawn side by side at a factor, and together at the unpruned model', () => {
  expect([dodged(1, 0, 4), dodged(1, 3, 4)]).toEqual([1, 1]);
  expect(dodged(2, 0, 4) * dodged(2, 3, 4)).toBeCloseTo(4, 12);
});

test('many methods are drawn closer together rather than overlapping the next factor', () => {
  expect(dodged(2, 33, 34)).toBeLessThan(dodged(4, 0, 34));
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

test('ticks are powers of two, and the largest factor if far enough from them', () => {
  expect(factorTicks(sums === undefined ? [] : [sums])).toEqual([1, 2, 4]);
});

test('arrow keys move along a method and between methods', () => {
  const curves = sums?.curves ?? [];
  const start = nextPoint(curves, null, 'ArrowRight');
  expect(start?.method).toBe('random');
  const down = nextPoint(curves, start, 'ArrowDown');
  expect([down?.method, down?.factor]).toEqual(['reap', 2]);
  expect(nextPoint(curves, down, 'ArrowRight')?.factor).toBe(4);
  expect(nextPoint(curves, down, 'a')).toBeNull();
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

const task = (name: string, metric: 'acc' | 'exact_match', test = 300, error: string | null = null) =>
  taskEntryOf(name, { metric, items: { calibration: 1, test }, chance: null, error });

test('a task and its written twin find each other if they have the same items', () => {
  const [sort, written] = [task('sort', 'acc'), task('sort-written', 'exact_match')];
  const tasks = [task('add', 'acc'), sort, written];
  expect(twinOf(sort, tasks)).toBe(written);
  expect(twinOf(written, tasks)).toBe(sort);
  expect(twinOf(task('add', 'acc'), tasks)).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'exact_match', 20)])).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'exact_match', 300, 'gone')])).toBeNull();
  expect(twinOf(sort, [sort, task('sort-written', 'acc')])).toBeNull();
  expect(twinOf(task('prose', 'exact_match'), tasks)).toBeNull();
});
