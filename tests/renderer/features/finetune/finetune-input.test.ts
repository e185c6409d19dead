import { beforeEach, expect, test } from 'vitest';
import { calls } from '../../../../main/contract/calls.ts';
import { finetuneSettings, suitedRate } from '../../../../main/contract/finetune.ts';
import { pathHandle } from '../../../../main/contract/model.ts';
import { isIdle } from '../../../../main/contract/setting.ts';
import {
  finetuneInput,
  finetuneName,
  finetuneObstacle,
  finetuneSteps,
  trainingSettings,
} from '../../../../renderer/features/finetune/finetune-form.tsx';
import { finetuneStore as store } from '../../../../renderer/state/model-forms.ts';
import { modelEntryOf, taskEntryOf } from '../../../main/contract/entries.ts';
import { modelInfoOf } from '../../../main/contract/model-info-of.ts';

const model = modelEntryOf('uncurl-8', { handle: 'm' });
const task = (name: string, calibration = 300) => taskEntryOf(name, { items: { calibration, test: 300 } });
const into = { handle: pathHandle.parse('into'), path: '/out' };

beforeEach(() => store.setState(store.getInitialState(), true));

test('an untouched dialog requests the contract’s defaults, with the rate that suits the model', () => {
  expect(finetuneObstacle(model, [task('add')], store.getState())).toBe('Choose the folder to write into.');
  expect(finetuneInput(model, [task('add')], store.getState())).toBeNull();
  store.setState({ into });
  const request = calls['finetune.start'].input.parse(finetuneInput(model, [task('add')], store.getState()));
  expect(request).toEqual({
    model: 'm',
    tasks: ['add'],
    settings: { ...finetuneSettings.parse({}), rate: suitedRate(modelInfoOf().parameters.total) },
    into: 'into',
    name: 'uncurl-8-add-tuned',
    python: null,
    mixture: null,
    teacher: null,
  });
});

test('the suited rate is the paper’s for its model and larger ones, and larger for smaller ones', () => {
  expect([354e6, 7e9].map(suitedRate)).toEqual([1e-6, 1e-6]);
  expect([5.45e6, 786e3, 1e4].map(suitedRate)).toEqual([6e-5, 5e-4, 1e-3]);
});

test('every choice reaches the request', () => {
  const state = store.getState();
  const chosen = {
    stages: ['router', 'general'],
    routerSteps: 7,
    distilSteps: 8,
    temperature: 2,
    generalSteps: 9,
    generalRate: 1e-3,
    epochs: 3,
    batch: 16,
    rate: 1e-4,
    length: 32,
    warmUp: 2,
    weightDecay: 0.1,
    clip: 2,
    balance: 0,
    freeze: ['embed_tokens', 'self_attn'],
    saveEvery: 3,
    seed: 5,
    device: 'auto',
  };
  expect(Object.keys(chosen)).toEqual(trainingSettings.map(({ name }) => name));
  for (const [name, value] of Object.entries(chosen)) state.choose(name, value);
  store.setState({ into, name: 'mine', python: { handle: pathHandle.parse('python'), path: null } });
  const request = calls['finetune.start'].input.parse(finetuneInput(model, [task('add')], store.getState()));
  expect(request).toMatchObject({ name: 'mine', python: 'python' });
  expect(request.settings).toEqual(chosen);
});

test('an invalid request is explained, by the field that the contract rejects', () => {
  store.setState({ into });
  const obstacle = (): string | null => finetuneObstacle(model, [task('add')], store.getState());
  expect(obstacle()).toBeNull();
  expect(finetuneObstacle(null, [task('add')], store.getState())).toMatch(/model/);
  expect(finetuneObstacle(model, [], store.getState())).toMatch(/task/);
  expect(finetuneObstacle(model, [task('bare', 0)], store.getState())).toMatch(/bare has test items only/);
  store.getState().choose('epochs', Number.NaN);
  store.getState().choose('rate', 2);
  expect(obstacle()).toBe('Epochs: a whole number of at least 1.');
  store.getState().choose('epochs', 1.5);
  expect(obstacle()).toMatch(/^Epochs/);
  store.getState().choose('epochs', 1);
  expect(obstacle()).toBe('Peak rate: a number above 0 and at most 1.');
  store.getState().choose('rate', 0.001);
  expect(obstacle()).toBeNull();
  store.setState({ name: '../away' });
  expect(obstacle()).toMatch(/name may contain/);
});

test('router distillation needs another model as its teacher', () => {
  const { choose } = store.getState();
  store.setState({ into });
  choose('stages', ['distil']);
  const teacher = (): unknown => finetuneInput(model, [task('add')], store.getState())?.teacher;
  const missing = 'Choose the unpruned model that the routers learn from.';
  expect(finetuneObstacle(model, [task('add')], store.getState())).toBe(missing);
  store.setState({ teacher: model.handle });
  expect(finetuneObstacle(model, [task('add')], store.getState())).toBe(missing);
  store.setState({ teacher: pathHandle.parse('unpruned') });
  expect(teacher()).toBe('unpruned');
  choose('stages', ['router']);
  expect(teacher()).toBeNull();
});

test('steps match the training script: a last, smaller batch counts', () => {
  const settings = finetuneSettings.parse({ routerSteps: 20, epochs: 2, batch: 64 });
  expect(finetuneSteps(settings, 300)).toBe(20 + 2 * 5);
  expect(finetuneSteps({ ...settings, stages: ['router'] }, 300)).toBe(20);
  expect(finetuneSteps({ ...settings, stages: ['all'] }, 128)).toBe(4);
  expect(finetuneSteps({ ...settings, stages: ['distil'], distilSteps: 9 }, 128)).toBe(9);
  expect(finetuneSteps({ ...settings, stages: ['router', 'general', 'all'], generalSteps: 100 }, 300)).toBe(130);
  expect(finetuneSteps({ ...settings, epochs: Number.NaN }, 300)).toBeNull();
});

test('a setting of an unselected stage has no effect', () => {
  const idle = (stages: readonly string[]): readonly string[] =>
    trainingSettings.filter((setting) => isIdle(setting, { stages })).map(({ name }) => name);
  expect(idle(['router', 'all'])).toEqual(['distilSteps', 'temperature', 'generalSteps', 'generalRate']);
  expect(idle(['all'])).toEqual(['routerSteps', 'distilSteps', 'temperature', 'generalSteps', 'generalRate']);
});

test('the default name is valid for a folder', () => {
  expect(finetuneName(model, [task('a'), task('b')], null)).toBe('uncurl-8-a-b-tuned');
  expect(finetuneName(model, [task('a'), task('b'), task('c')], null)).toBe('uncurl-8-3-tasks-tuned');
  expect(finetuneName(model, [task('zwei Wörter/x')], null)).toBe('uncurl-8-zwei-W-rter-x-tuned');
  expect(finetuneName(model, [task('a')], 'typed')).toBe('typed');
});
