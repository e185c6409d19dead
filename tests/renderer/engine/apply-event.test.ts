import { expect, test } from 'vitest';
import type { JobProgress } from '../../../main/contract/run.ts';
import type { SweepDocument, SweepResult } from '../../../main/contract/sweep.ts';
import type { EngineCall } from '../../../main/contract/calls.ts';
import { begunSweep, withChanges } from '../../../main/evaluation/sweeps/running-sweep.ts';
import { QueryCache } from '../../../renderer/engine/query-cache.ts';
import { runOf } from '../../main/contract/run-of.ts';
import { readListsAgain, withEntry } from '../../../renderer/engine/apply-event.ts';

const result = (factor: number, value: number): SweepResult => ({
  model: 'm',
  task: 't',
  method: 'reap',
  seed: null,
  factor,
  kept: 16 / factor,
  n: 100,
  evaluated: 100,
  metric: 'acc',
  value,
  acc: value,
  accNorm: value,
  perplexity: null,
  difference: value - 1,
  low: -0.1,
  high: 0.1,
  lowOneSided: -0.1,
  highOneSided: 0.02,
  p: 1,
  lost: 0,
  gained: 0,
  truncated: 0,
});

const jobOf = (run: string, done = 1): JobProgress => ({
  run,
  kind: 'sweep',
  title: run,
  description: '',
  done,
  total: 9,
  reused: 0,
  elapsedMs: 0,
  leftMs: null,
});

const begun: SweepDocument = begunSweep('r', {
  order: { models: ['m'], tasks: ['t'], methods: ['reap'] },
  delta: 0.02,
  facts: [],
});
const withPoints = (results: readonly SweepResult[]): SweepDocument =>
  withChanges(
    begun,
    results.map((point) => ({ what: 'point', result: point, step: 's' })),
  );

test('a repeated point replaces the earlier one, and points are in the order of the sweep', () => {
  const document = withPoints([result(4, 0.5), result(2, 0.9), result(2, 0.8)]);
  expect(document.results.map(({ factor, value }) => [factor, value])).toEqual([
    [2, 0.8],
    [4, 0.5],
  ]);
});

test('a point on another task is added as one, and a sweep without any has no list of them', () => {
  const point = { madeFor: 'other', result: result(2, 0.9) };
  const read = withChanges(begun, [{ what: 'elsewhere', point }]);
  expect(read.elsewhere).toEqual([point]);
  expect(withPoints([result(2, 0.9)])).not.toHaveProperty('elsewhere');
});

test('points that were stopped early or not needed are kept, and a sweep without any has no list of them', () => {
  const name = { model: 'm', task: 't', method: 'reap', seed: null };
  const counts = { n: 100, evaluated: 40, lost: 20, gainedAtMost: 60, independentAtLeast: 100 };
  const stopped = { ...name, ...counts, factor: 4, kept: 4, metric: 'acc' as const };
  const unneeded = { ...name, factor: 8, kept: 2 };
  const after = withChanges(begun, [
    { what: 'curtailed', point: stopped },
    { what: 'unneeded', points: [unneeded] },
  ]);
  expect([after.curtailed, after.notNeeded]).toEqual([[stopped], [unneeded]]);
  // A later change keeps them.
  const later = withChanges(after, [{ what: 'point', result: result(2, 0.9), step: 's' }]);
  expect([later.curtailed, later.notNeeded]).toEqual([[stopped], [unneeded]]);
  expect(withPoints([result(2, 0.9)])).not.toHaveProperty('curtailed');
  expect(withPoints([result(2, 0.9)])).not.toHaveProperty('notNeeded');
});

test('draws of calibration items stand at their point, by the number of items and then the draw', () => {
  const alike = { inCommon: 1, rankCorrelation: 1, experts: 16, fewTokens: 0, fewTokensOfAll: 0 };
  const drawn = (factor: number, items: number, draw: number) => ({
    what: 'calibration-draw' as const,
    point: { ...alike, draw, size: items, items, result: result(factor, 0.9) },
  });
  const came = [drawn(4, 10, 0), drawn(2, 20, 1), drawn(2, 10, 1), drawn(2, 20, 0), drawn(2, 10, 0), drawn(2, 5, 2)];
  const { calibrationDraws = [] } = withChanges(begun, came);
  expect(calibrationDraws.map(({ result: { factor }, items, draw }) => [factor, items, draw])).toEqual([
    [2, 5, 2],
    [2, 10, 0],
    [2, 10, 1],
    [2, 20, 0],
    [2, 20, 1],
    [4, 10, 0],
  ]);
});

test('a point is the same whether its factor was divided, or read from a text of nine digits', () => {
  expect(withPoints([result(16 / 12, 0.9), result(1.333333333, 0.8)]).results.map(({ value }) => value)).toEqual([0.8]);
});

test('progress of a known job replaces it in place; an unknown job is added', () => {
  const jobs = [jobOf('a', 1), jobOf('b', 1), jobOf('a', 5)].reduce<readonly JobProgress[]>(withEntry, []);
  expect(jobs.map(({ run, done }) => [run, done])).toEqual([
    ['a', 5],
    ['b', 1],
  ]);
});

test('whoever returns to the window sees what other processes did to runs meanwhile', async () => {
  let runs = [runOf({ id: 'kept' }), runOf({ id: 'gone' }), runOf({ id: 'ended', state: 'running' })];
  const asked: string[] = [];
  const call: EngineCall = (name, input) => {
    asked.push('run' in input ? `${name} ${String(input.run)}` : name);
    return Promise.resolve((name === 'runs.list' ? runs : []) as never);
  };
  const cache = new QueryCache(call);
  const read = ['kept', 'ended', 'restored'].map((run) => cache.reader('sweep.read', { run }));
  for (const reader of [cache.reader('runs.list', {}), cache.reader('trash.list', {}), ...read])
    reader.subscribe(() => undefined);
  await cache.fetch('runs.list', {});
  asked.length = 0;
  runs = [runOf({ id: 'kept' }), runOf({ id: 'ended' }), runOf({ id: 'restored' })];
  await readListsAgain(cache);
  expect(cache.state('runs.list', {}).data).toEqual(runs);
  expect(asked.sort()).toEqual(['runs.list', 'sweep.read ended', 'sweep.read restored', 'trash.list']);

  // From time to time the runs alone are read, and the points of what another process computes at each time.
  runs = [runOf({ id: 'kept' }), runOf({ id: 'ended', state: 'running' }), runOf({ id: 'restored', state: 'running' })];
  cache.reader('jobs.list', {}).subscribe(() => undefined);
  await cache.fetch('jobs.list', {});
  cache.patch('jobs.list', (jobs) => withEntry(jobs, jobOf('restored')));
  const look = async (): Promise<readonly string[]> => {
    asked.length = 0;
    await readListsAgain(cache, new Set(['runs.list']));
    return asked.sort();
  };
  expect(await look()).toEqual(['runs.list', 'sweep.read ended', 'sweep.read restored', 'trash.list']);
  expect(await look()).toEqual(['runs.list', 'sweep.read ended']);
});
