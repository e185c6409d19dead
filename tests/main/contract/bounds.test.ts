import { expect, test } from 'vitest';
import { MOST_ITEMS, MOST_POINTS, MOST_TASKS, SMALLEST_MARGIN } from '../../../main/contract/bounds.ts';
import { experimentRecord } from '../../../main/contract/experiment.ts';
import { runManifest } from '../../../main/contract/run.ts';
import { sweepSettings, sweepDocument, type SweepResult } from '../../../main/contract/sweep.ts';
import { sweepThresholds } from '../../../main/evaluation/threshold.ts';
import { itemsNeeded } from '../../../main/evaluation/verdicts.ts';
import { sweepResult } from '../evaluation/outcomes.ts';
import { runOf } from './run-of.ts';

const documentOf = (...results: readonly SweepResult[]) => ({ run: 'r', results, thresholds: [], rule: '' });
const isRead = (fields: Partial<SweepResult>): boolean =>
  sweepDocument.safeParse(documentOf(sweepResult(fields))).success;

test('a sweep with numbers that would keep the engine busy for ever is refused', () => {
  expect(isRead({})).toBe(true);
  expect(isRead({ n: 1e9 })).toBe(false);
  expect(isRead({ n: 0 })).toBe(false);
  expect(isRead({ n: 100.5 })).toBe(false);
  expect(isRead({ n: 10, lost: 6, gained: 5 })).toBe(false);
  expect(isRead({ n: 10, lost: 6, gained: 4 })).toBe(true);
  expect(isRead({ factor: 1e9 })).toBe(false);
  expect(isRead({ task: 'x'.repeat(100_000) })).toBe(false);
  const many = Array.from({ length: MOST_POINTS + 1 }, (_, index) => sweepResult({ factor: 1 + index }));
  expect(sweepDocument.safeParse(documentOf(...many.slice(1))).success).toBe(true);
  expect(sweepDocument.safeParse(documentOf(...many)).success).toBe(false);
});

test('margins below half a per mille are refused everywhere', () => {
  const spec = { methods: ['reap'], factors: [1, 2] };
  for (const delta of [1e-300, 0, -1, 0.00049, 0.51])
    expect(sweepSettings.safeParse({ ...spec, delta }).success).toBe(false);
  expect(sweepSettings.parse({ ...spec, delta: SMALLEST_MARGIN })).toMatchObject({ delta: SMALLEST_MARGIN });
  expect(() => itemsNeeded(1e-300)).toThrow(expect.objectContaining({ code: 'delta-invalid' }));
  expect(itemsNeeded(SMALLEST_MARGIN)).toBe(5991);
});

test('a manifest of twenty thousand tasks is refused', () => {
  const tasks = Array.from({ length: 20_000 }, (_, index) => ({ name: `t${index}`, path: '/t', hash: 'h' }));
  expect(runManifest.safeParse(runOf({ tasks })).success).toBe(false);
  expect(runManifest.safeParse(runOf({ tasks: tasks.slice(0, MOST_TASKS) })).success).toBe(true);
});

test('an experiment of more items than a task may have is refused', () => {
  const arm = { task: 't', model: 'm', experts: 8, kept: 8, method: null, treatment: 'as-is', truncated: 0 };
  const record = (right: string) => ({
    run: 'r',
    settings: { training: {} },
    models: [],
    tasks: [],
    arms: [{ ...arm, right, training: null }],
  });
  expect(experimentRecord.safeParse(record('1'.repeat(1000))).success).toBe(true);
  expect(experimentRecord.safeParse(record('1'.repeat(MOST_ITEMS + 1))).success).toBe(false);
});

test('thresholds of the largest allowed number of points are computed', () => {
  const results = Array.from({ length: MOST_POINTS }, (_, index) =>
    sweepResult({ task: `t${index % 1000}`, method: `m${index % 7}`, factor: 2 + Math.floor(index / 7000), n: 300 }),
  );
  expect(sweepThresholds(results, 0.02).length).toBe(7000);
});
