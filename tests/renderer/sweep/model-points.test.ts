import { describe, expect, test } from 'vitest';
import type { Facts } from '../../../renderer/engine/facts.ts';
import { noSelection, plainPlan } from '../../../renderer/state/selection.ts';
import { selectionStore } from '../../../renderer/state/selection-store.ts';
import { noticesStore } from '../../../renderer/state/notices-store.ts';
import { broughtByPoint, broughtByRun, nameInRun, selectOpened } from '../../../renderer/sweep/brought.ts';
import { currentMaking, measureObstacle, planFile } from '../../../renderer/sweep/current-making.ts';
import {
  limitOf,
  modelPoints,
  ownCalibrationOf,
  type ReadSweep,
  pooledCurves,
  secondsFor,
} from '../../../renderer/sweep/model-points.ts';
import { modelEntryOf, taskEntryOf } from '../../main/contract/entries.ts';
import { sweepResult } from '../../main/evaluation/outcomes.ts';
import { runOf } from '../../main/contract/run-of.ts';
import { methodPageOf } from '../../main/contract/method-page-of.ts';
import { modelInfoOf } from '../../main/contract/model-info-of.ts';

const model = (name: string, active = 100) =>
  modelEntryOf(`my ${name}`, {
    handle: name,
    path: `/${name}`,
    bundled: false,
    fingerprint: `print of ${name}`,
    info: modelInfoOf({ parameters: { total: 1000, expert: 900, active } }),
  });
const task = (name: string, hash = `hash of ${name}`) =>
  taskEntryOf(name, { items: { calibration: 1, test: 100 }, hash });
const run = (id: string, settings: object, more: object = {}) =>
  runOf({
    id,
    title: id,
    createdAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:10.000Z',
    spec: { methods: ['reap'], factors: [1, 2], ...settings },
    models: [{ name: 'a', path: '/a', fingerprint: 'print of a' }],
    tasks: [{ name: 'sums', path: '/s', hash: 'hash of sums' }],
    ...more,
  });
const read = (manifest: ReturnType<typeof run>, ...results: readonly Parameters<typeof sweepResult>[0][]) => ({
  manifest,
  document: {
    run: manifest.id,
    rule: '',
    thresholds: [],
    results: results.map((fields) => sweepResult({ model: 'a', task: 'sums', ...fields })),
  },
});
const wanted = { model: model('a'), task: task('sums'), method: 'reap', making: null };
const names = (points: ReturnType<typeof modelPoints>) =>
  points.map(({ run: from, result }) => `${from} ${result.method} ${result.factor}`);

describe('the measurements of a model on a task', () => {
  const shown = read(run('shown', {}), { factor: 2 }, { method: 'uncurl', factor: 2 }, { task: 'other' });
  test('are those of the sweep shown, and of others with the same plan settings', () => {
    const alike = read(run('alike', {}), { factor: 2, value: 0.1 }, { factor: 4 });
    const otherwise = read(run('global', { budget: 'global' }), { factor: 8 });
    const limited = read(run('limited', { limit: 10 }), { factor: 8 });
    const elsewhere = read(run('elsewhere', {}, { tasks: [{ name: 'sums', path: '/s', hash: 'older' }] }), {
      factor: 8,
    });
    expect(names(modelPoints([shown, alike, otherwise, limited, elsewhere], wanted))).toEqual([
      'shown reap 2',
      'shown uncurl 2',
      'alike reap 4',
    ]);
  });

  test('include only points of the current method that match the current plan', () => {
    const making = { budget: 'global', protect: 'none', gates: 'folded', options: {}, chat: false } as const;
    const otherwise = read(run('global', { budget: 'global' }), { factor: 8 });
    expect(names(modelPoints([shown, otherwise], { ...wanted, making }))).toEqual(['shown uncurl 2', 'global reap 8']);
    const options = { ...making, budget: 'uniform', options: { form: 'sum' } } as const;
    const summed = read(run('summed', { options: { reap: { form: 'sum' } } }), { factor: 8 });
    expect(names(modelPoints([shown, summed], { ...wanted, making: options }))).toEqual([
      'shown uncurl 2',
      'summed reap 8',
    ]);
  });

  test('match the calibration of the sweep shown if answers are written', () => {
    const onWritten = read(run('on-written', { calibration: 'written' }), { factor: 4 });
    expect(names(modelPoints([shown, onWritten], wanted))).toEqual(['shown reap 2', 'shown uncurl 2']);
    const written = { ...wanted, task: { ...wanted.task, metric: 'exact_match' as const } };
    expect(names(modelPoints([onWritten, shown], written))).toEqual(['on-written reap 4']);
    expect(names(modelPoints([onWritten, shown], wanted))).toEqual(['shown reap 2', 'shown uncurl 2']);
    expect([ownCalibrationOf(onWritten.manifest), ownCalibrationOf(shown.manifest)]).toEqual(['written', undefined]);
    expect(ownCalibrationOf(null)).toBeUndefined();
  });

  test('match the sampler of the sweep shown if answers are written', () => {
    const sampled = (name: string, sample: string, repeats?: number): ReadSweep =>
      read(run(name, { sample, ...(repeats === undefined ? {} : { repeats }) }), { factor: 4 });
    const first = sampled('first', 'temperature=0.7,seed=1');
    const others = [
      sampled('other-order', 'seed=1,temperature=0.7'),
      sampled('other-seed', 'seed=2,temperature=0.7'),
      sampled('repeated', 'temperature=0.7,seed=1', 2),
      read(run('greedy', {}), { factor: 4 }),
    ].map((sweep, index) => ({
      ...sweep,
      document: { ...sweep.document, results: sweep.document.results.map((one) => ({ ...one, factor: 8 + index })) },
    }));
    const written = { ...wanted, task: { ...wanted.task, metric: 'exact_match' as const } };
    expect(names(modelPoints([first, ...others], written))).toEqual(['first reap 4', 'other-order reap 8']);
    // Chosen answers have no sampler.
    expect(names(modelPoints([first, ...others], wanted))).toHaveLength(5);
  });

  test('are empty if no sweep is read, or none contains the model', () => {
    expect(modelPoints([], wanted)).toEqual([]);
    expect(modelPoints([shown], { ...wanted, model: model('b') })).toEqual([]);
    expect(limitOf(null)).toBeNull();
    expect(limitOf(run('limited', { limit: 10 }))).toBe(10);
  });
});

test('time is estimated from items and active parameters of own runs, else of the sample', () => {
  const own = read(run('own', {}), { n: 100, factor: 2 }, { n: 100, factor: 4 });
  const sample = read(run('sample', {}, { sample: true, finishedAt: '2026-01-01T00:10:00.000Z' }), { n: 100 });
  const models = [model('a'), model('b', 200)];
  expect(secondsFor([sample, own], models, model('a'), 100)).toBeCloseTo(5, 9);
  expect(secondsFor([sample, own], models, model('b', 200), 100)).toBeCloseTo(10, 9);
  expect(secondsFor([sample], models, model('a'), 100)).toBeCloseTo(600, 9);
  expect(secondsFor([], models, model('a'), 100)).toBeNull();
  // Runs that waited for an hour, or found all steps on disk, must not decide.
  const waited = read(run('waited', {}, { finishedAt: '2026-01-01T01:00:00.000Z' }), { n: 100, factor: 2 });
  const found = read(run('found', {}, { finishedAt: '2026-01-01T00:00:00.010Z' }), { n: 100, factor: 2 });
  expect(secondsFor([waited, own, found], models, model('a'), 100)).toBeCloseTo(5, 9);
});

const facts = (selection: object = {}): Facts => ({
  connected: true,
  models: [model('a'), model('b')],
  tasks: [task('sums'), task('sort')],
  runs: [run('shown', {})],
  jobs: [],
  methods: [],
  selection: { ...noSelection, model: model('a').handle, task: task('sums').handle, ...selection },
});

describe('what is opened is selected', () => {
  test('a run whose model is not on the shelf says that the views stay with another one', () => {
    const told = (known: Facts, opened: ReturnType<typeof run>): readonly string[] => {
      noticesStore.setState({ notices: [] });
      selectOpened(known, opened);
      return noticesStore.getState().notices.map(({ message, remedy }) => `${message} ${remedy}`);
    };
    const withoutOwn = { ...facts({ model: 'b' }), models: [model('b')] };
    expect(told(withoutOwn, run('shown', {}))).toEqual([
      'a of this run is not on the list of models, or changed since. Views stay with my b. Open /a.',
    ]);
    expect(told(facts({ model: 'b' }), run('shown', {}))).toEqual([]);
    const unhashed = { models: [{ name: 'b', path: '/b', fingerprint: '' }] };
    expect(told(withoutOwn, run('queued', {}, unhashed))).toEqual([]);
    noticesStore.setState({ notices: [] });
    selectionStore.setState(selectionStore.getInitialState(), true);
  });

  test('a run selects a model and a task of its own, unless the current ones already belong to it', () => {
    const shown = run('shown', {});
    expect(broughtByRun(facts(), shown)).toEqual({});
    expect(broughtByRun(facts({ model: 'b', task: 'sort' }), shown)).toEqual({ model: 'a', task: 'sums' });
    expect(broughtByRun({ ...facts({ model: 'b' }), models: [model('b')] }, shown)).toEqual({});
    expect([nameInRun(shown, model('a')), nameInRun(shown, model('b')), nameInRun(null, model('a'))]).toEqual([
      'a',
      null,
      null,
    ]);
  });

  test('a point selects its model, task, method and factor; a name that is no plan method keeps the method', () => {
    const point = { run: 'shown', model: 'a', task: 'sums', method: 'uncurl', seed: null, factor: 4 };
    const brought = { model: 'a', task: 'sums' };
    expect(broughtByPoint(facts({ model: 'b' }), point)).toEqual({ ...brought, method: 'uncurl', factor: 4 });
    expect(broughtByPoint(facts(), { ...point, method: 'unpruned', factor: 1 })).toEqual(brought);
    expect(broughtByPoint(facts(), { ...point, method: 'My own model' })).toEqual(brought);
    expect(broughtByPoint(facts(), { ...point, run: 'gone' })).toEqual({ method: 'uncurl', factor: 4 });
    // A ranking used as a method of the sweep keeps its name there, but is not a method of the workbench.
    expect(broughtByPoint({ ...facts(), methods: [methodPageOf('reap')] }, { ...point, method: 'my-ranking' })).toEqual(
      brought,
    );
  });

  test('a point restores the settings of its plan, so that it stays among the points of that plan', () => {
    const point = { run: 'global', model: 'a', task: 'sums', method: 'uncurl', seed: 2, factor: 4 };
    const settings = { budget: 'global', options: { uncurl: { clusters: 2 } } };
    const on = facts({ plan: { ...plainPlan, madeFor: 'ticked', seed: 1 } });
    const known = { ...on, runs: [run('global', settings)] };
    const brought = broughtByPoint(known, point);
    expect(brought.plan).toEqual({ ...plainPlan, ...settings, seed: 2 });
    const after = { ...known, selection: { ...known.selection, ...brought } };
    expect(broughtByPoint(after, point)).not.toHaveProperty('plan');
    const making = currentMaking(after);
    const measured = read(run('global', settings), { method: 'uncurl', seed: 2, factor: 4 });
    expect(names(modelPoints([measured], { ...wanted, method: 'uncurl', making }))).toEqual(['global uncurl 4']);
  });
});

describe('a plan that no sweep makes by a method', () => {
  const pins = facts({ pins: { a: [{ layer: 0, expert: 0, keep: true }] } });
  const plan = { kept: [[0, 1]], method: 'reap' };
  const text = JSON.stringify(plan);

  test('has pins, counts by hand, several tasks or a file, and is measured as a file', () => {
    expect(currentMaking(facts())).toEqual({
      budget: 'uniform',
      protect: 'none',
      gates: 'folded',
      options: {},
      chat: false,
    });
    expect(measureObstacle(facts())).toBeNull();
    expect(planFile(facts(), plan)).toBeNull();
    expect(currentMaking(pins)).toBeNull();
    expect(measureObstacle(pins)).toBeNull();
    expect(planFile(pins, plan)).toEqual({ method: 'reap-pinned', name: 'reap-pinned', text });
    expect(planFile(facts({ plan: { ...plainPlan, budget: 'manual' } }), plan)?.method).toBe('reap-counts');
    const several = facts({ tasks: ['sums', 'sort'], plan: { ...plainPlan, madeFor: 'ticked' } });
    expect(planFile(several, plan)?.method).toBe('reap-for-several');
    const imported = {
      name: 'mine.json',
      text,
      model: model('a').handle,
      kind: 'plan',
      method: null,
      factor: 2,
    } as const;
    const ofFile = facts({ factor: 1, plan: { ...plainPlan, imported } });
    expect(planFile(ofFile, plan)?.method).toBe('mine');
    expect(measureObstacle(ofFile)).toBeNull();
    expect(measureObstacle(facts({ factor: 1 }))).toContain('prunes nothing');
    expect(measureObstacle(facts({ task: null }))).toBe('select a task');
  });

  test('has the name under which it was measured, and another plan gets another name', () => {
    const files = { 'reap-pinned': { name: 'reap-pinned', text } };
    const known = { ...pins, runs: [run('shown', {}), run('measured', { methods: ['reap-pinned'], files })] };
    expect(planFile(known, plan)?.method).toBe('reap-pinned');
    expect(planFile(known, { ...plan, kept: [[0, 2]] })?.method).toBe('reap-pinned-2');
    const measured = read(run('measured', { files, budget: 'global' }), { method: 'reap-pinned', factor: 4 });
    const shown = read(run('shown', {}), { factor: 2 });
    expect(names(modelPoints([shown, measured], wanted))).toContain('measured reap-pinned 4');
    // The same name for another plan in the sweep shown.
    const other = read(run('shown', { files: { 'reap-pinned': { name: 'x', text: '[]' } } }), { factor: 2 });
    expect(names(modelPoints([other, measured], wanted))).not.toContain('measured reap-pinned 4');
  });
});

test('curves that another sweep measured are named with their sweep and factors', () => {
  const point = (run: string, method: string, factor: number, seed: number | null = null) => ({
    run,
    result: sweepResult({ method, factor, seed }),
  });
  const points = [
    point('shown', 'reap', 2),
    point('other', 'random', 4, 0),
    point('other', 'random', 2, 0),
    point('other', 'random', 2, 1),
    point('older', 'reap', 4),
    point('older', 'unpruned', 1),
  ];
  expect(pooledCurves(points, 'shown')).toEqual([
    { run: 'other', method: 'random', factors: [2, 4] },
    { run: 'older', method: 'reap', factors: [4] },
  ]);
  expect(pooledCurves(points.slice(0, 1), 'shown')).toEqual([]);
});
