import { expect, test } from 'vitest';
import { completeSelection } from '../../../renderer/app/use-app-effects.ts';
import { hasRoom } from '../../../renderer/engine/facts.ts';
import { exportName } from '../../../renderer/plan/export-source.ts';
import { modelMissingText } from '../../../renderer/plan/model-missing.tsx';
import { noSelection } from '../../../renderer/state/selection.ts';
import { modelEntryOf, taskEntryOf } from '../../main/contract/entries.ts';
import { runOf } from '../../main/contract/run-of.ts';
import { methodPageOf } from '../../main/contract/method-page-of.ts';
import { modelInfoOf } from '../../main/contract/model-info-of.ts';

const model = (name: string, experts: number, supported = true) =>
  modelEntryOf(name, { info: modelInfoOf({ experts, supported }) });
const task = (name: string, bundled: boolean, error: string | null = null) => taskEntryOf(name, { bundled, error });
const facts = {
  connected: true,
  models: [model('broken', 8, false), model('small', 8)],
  tasks: [task('bad', true, 'no file'), task('a', true), task('mine', false)],
  runs: [],
  jobs: [],
  methods: [],
  selection: noSelection,
};

test('by default, the first usable model, all usable bundled tasks and the first usable task are selected', () => {
  expect(completeSelection(facts)).toEqual({ model: 'small', layer: null, expert: null, tasks: ['a'], task: 'a' });
});

test('a complete selection is unchanged; nothing is selected without an engine', () => {
  const completed = { ...noSelection, ...completeSelection(facts) };
  expect(completeSelection({ ...facts, selection: completed })).toBeNull();
  expect(completeSelection({ ...facts, connected: false })).toBeNull();
});

test('of measured models, the one with the most experts is selected', () => {
  const [few, many, unmeasured] = [model('few', 8), model('many', 64), model('unmeasured', 128)];
  const named = ({ name, handle, fingerprint }: typeof few) => ({ name, path: handle, fingerprint: fingerprint ?? '' });
  const runs = [runOf({ id: 's', kind: 'sweep', models: [named(few), named(many)] })];
  expect(completeSelection({ ...facts, models: [unmeasured, few, many], runs })).toMatchObject({ model: 'many' });
});

const sweep = (id: string, sample: boolean) => runOf({ id, title: id, sample });

test('the sample is selected at the first start, and never over a user’s own sweep', () => {
  expect(completeSelection({ ...facts, runs: [sweep('sample', true)] })).toMatchObject({ run: 'sample' });
  expect(completeSelection({ ...facts, runs: [sweep('sample', true), sweep('mine', false)] })).not.toHaveProperty(
    'run',
  );
  expect(completeSelection({ ...facts, runs: [sweep('mine', false)] })).not.toHaveProperty('run');
  expect(
    completeSelection({ ...facts, runs: [sweep('sample', true)], selection: { ...noSelection, run: 'other' } }),
  ).not.toHaveProperty('run');
});

test('a forgotten task loses its tick and the focus; a factor too large for the model is lowered', () => {
  const selection = { ...noSelection, ...completeSelection(facts), factor: 32, layer: 2, expert: 12 };
  const change = completeSelection({ ...facts, tasks: [task('mine', false)], selection });
  expect(change).toEqual({ tasks: [], task: 'mine', factor: 4, layer: null, expert: null });
});

test('an unknown method from a link or a file is replaced by the default', () => {
  const selection = { ...noSelection, ...completeSelection(facts), method: 'my-ranking' };
  expect(completeSelection({ ...facts, selection })).toBeNull();
  expect(completeSelection({ ...facts, methods: [methodPageOf('reap')], selection })).toEqual({ method: 'reap' });
});

test('an export is named after model, task, method and factor, with characters valid in every file system', () => {
  const source = {
    model: model('My model (v2)', 8),
    method: 'reap',
    factor: 16 / 3,
    task: 'sums',
    seed: null,
    call: 'plan.make' as const,
    input: { model: model('m', 8).handle, tasks: [], method: 'reap' as const },
  };
  expect(exportName(source, null)).toBe('My-model-v2-sums-reap-x5.33');
  expect(exportName(source, 'typed')).toBe('typed');
});

test('a task whose answers fill all positions of a model has no room there', () => {
  const long = { ...task('long', true), writing: { until: ['\n'], maxNewTokens: 64 } };
  expect([hasRoom(model('small', 8), long), hasRoom(null, long)]).toEqual([false, true]);
  const short = { ...long, writing: { ...long.writing, maxNewTokens: 63 } };
  expect([hasRoom(model('small', 8), short), hasRoom(model('small', 8), task('a', true))]).toEqual([true, true]);
});

test('a view without a model says that models are being read until one could have been selected', () => {
  const titleOf = (name: string | null, models: typeof facts.models, isFollowed: boolean) => {
    const model = models.find((one) => one.name === name)?.handle ?? null;
    return modelMissingText({ models, selection: { ...noSelection, model } }, isFollowed)?.title ?? null;
  };
  expect(titleOf(null, [], true)).toBe('Reading models and tasks…');
  expect(titleOf(null, facts.models, false)).toBe('Reading models and tasks…');
  expect(titleOf(null, facts.models, true)).toBe('No model selected');
  expect(titleOf('broken', facts.models, true)).toBe('broken cannot be used here');
  expect(titleOf('small', facts.models, true)).toBeNull();
});
