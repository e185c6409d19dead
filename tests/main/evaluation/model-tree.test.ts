import { expect, test } from 'vitest';
import { modelTree } from '../../../main/evaluation/model-tree.ts';
import { sweepResult } from './outcomes.ts';

const cost = (bytes: number) => ({ bytes, activeParameters: 1, cacheBytesPerToken: 1 });
const whole = { factor: 1, kept: 16 };

/** A sweep of two methods, one drawn twice, with recovery, weights and a checkpoint made elsewhere. */
const results = [
  sweepResult({ ...whole, method: 'unpruned', verdict: null, cost: cost(100) }),
  sweepResult({ ...whole, method: 'unpruned@q8_0', verdict: 'safe', difference: -0.001, cost: cost(27) }),
  sweepResult({ method: 'reap', factor: 4, verdict: 'worse', difference: -0.4, cost: cost(25) }),
  sweepResult({ method: 'reap', factor: 2, verdict: 'safe', cost: cost(50) }),
  sweepResult({ method: 'reap@q8_0', factor: 2, verdict: 'undecided' }),
  sweepResult({ method: 'reap+recovery', factor: 4, verdict: 'undecided' }),
  sweepResult({ method: 'reap+recovery@q8_0', factor: 4, verdict: 'worse' }),
  sweepResult({ method: 'uncurl', factor: 2, seed: 1, verdict: 'undecided', difference: -0.04 }),
  sweepResult({ method: 'uncurl', factor: 2, seed: 0, verdict: 'safe', difference: -0.02 }),
  sweepResult({ method: 'frequency+router', factor: 2, verdict: 'safe' }),
  sweepResult({ method: 'tuned', factor: 2, verdict: 'safe' }),
  sweepResult({ method: 'reap', factor: 8, task: 'other', verdict: 'safe' }),
];

test('every model hangs from what it was made from, with the verdict and the bytes of its points', () => {
  const { factors, rows } = modelTree({ results }, { model: 'model', task: 'task', candidates: ['tuned'] });
  expect(factors).toEqual([1, 2, 4]);
  expect(
    rows.map(({ method, parent, kind, depth, points }) => [
      `${'  '.repeat(depth)}${method}`,
      parent,
      kind,
      points.map(({ factor, verdict, bytes }) => [factor, verdict, bytes]),
    ]),
  ).toEqual([
    ['unpruned', null, 'unpruned', [[1, null, 100]]],
    ['  unpruned@q8_0', 'unpruned', 'quantised', [[1, 'safe', 27]]],
    [
      '  reap',
      'unpruned',
      'pruned',
      [
        [2, 'safe', 50],
        [4, 'worse', 25],
      ],
    ],
    ['    reap@q8_0', 'reap', 'quantised', [[2, 'undecided', null]]],
    ['    reap+recovery', 'reap', 'refit', [[4, 'undecided', null]]],
    ['      reap+recovery@q8_0', 'reap+recovery', 'quantised', [[4, 'worse', null]]],
    // One draw is safe and one undecided: over draws it is undecided.
    ['  uncurl', 'unpruned', 'pruned', [[2, 'undecided', null]]],
    // Its bare plan was not measured.
    ['  frequency+router', 'unpruned', 'refit', [[2, 'safe', null]]],
    ['  tuned', 'unpruned', 'made elsewhere', [[2, 'safe', null]]],
  ]);
  const drawn = rows.find(({ method }) => method === 'uncurl')?.points[0];
  expect(drawn?.difference).toBeCloseTo(-0.03, 12);
  expect(drawn?.results.map(({ seed }) => seed)).toEqual([0, 1]);
});

test('a model without points has no tree', () => {
  expect(modelTree({ results }, { model: 'another', task: 'task', candidates: [] })).toEqual({ factors: [], rows: [] });
});
