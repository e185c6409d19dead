import { expect, test } from 'vitest';
import { calls } from '../../../../main/contract/calls.ts';
import type { TaskEntry } from '../../../../main/contract/task.ts';
import { experimentInput, experimentObstacle } from '../../../../renderer/features/experiment/experiment-form.tsx';
import { experimentStore } from '../../../../renderer/state/dialog-stores.ts';
import { finetuneStore } from '../../../../renderer/state/model-forms.ts';
import { modelEntryOf, taskEntryOf } from '../../../main/contract/entries.ts';
import { modelInfoOf } from '../../../main/contract/model-info-of.ts';

const model = (name: string, experts: number) => modelEntryOf(name, { info: modelInfoOf({ experts }) });
const task = (name: string, metric: TaskEntry['metric'] = 'acc', calibration = 300) =>
  taskEntryOf(name, { metric, items: { calibration, test: 300 }, chance: metric === 'acc' ? 0.25 : null });
const training = finetuneStore.getState();
const { settings: firstChoices, choose } = experimentStore.getState();
const members = [model('small', 8), model('large', 16)];

test('a new experiment asks for the ticked members and tasks, with chosen seeds, by default without training', () => {
  choose('seeds', [4, 7]);
  choose('limit', 40);
  const asked = experimentInput(members, [task('add')], experimentStore.getState().settings, training);
  const { settings, ...request } = calls['experiment.start'].input.parse(asked);
  expect(request).toEqual({ models: ['small', 'large'], tasks: ['add'], python: null, mixture: null });
  expect(settings).toMatchObject({ methods: ['uncurl'], treatments: ['as-is', 'refit'], seeds: [4, 7], limit: 40 });
});

test('trained arms take the settings of the form of fine-tuning, in the order of the contract', () => {
  const settings = { ...training.settings, rate: 1e-3 };
  const choices: typeof firstChoices = { ...firstChoices, treatments: ['tuned', 'as-is'] };
  const asked = experimentInput(members, [task('add')], choices, { settings, python: null });
  expect(calls['experiment.start'].input.parse(asked).settings).toMatchObject({
    treatments: ['as-is', 'tuned'],
    training: { rate: 1e-3 },
  });
  const wrong = { settings: { ...training.settings, epochs: Number.NaN }, python: null };
  expect(experimentObstacle(members, [task('add')], choices, wrong)).toMatch(/settings of the training/);
  expect(experimentObstacle(members, [task('add')], firstChoices, wrong)).toBeNull();
});

test('what keeps it from starting is said', () => {
  const obstacle = (models = members, tasks = [task('add')], change: Partial<typeof firstChoices> = {}) =>
    experimentObstacle(models, tasks, { ...firstChoices, ...change }, training);
  expect(obstacle()).toBeNull();
  expect(obstacle(members.slice(1))).toMatch(/two models of a family/);
  expect(obstacle([...members, model('other', 8)])).toMatch(/small and other both have 8 experts/);
  expect(obstacle(members, [])).toMatch(/one task/);
  expect(obstacle(members, [task('text', 'perplexity')])).toMatch(/counts right answers/);
  expect(obstacle(members, [task('bare', 'acc', 0)])).toMatch(/bare has test items only/);
  expect(obstacle(members, undefined, { methods: [] })).toMatch(/one method/);
  expect(obstacle(members, undefined, { treatments: [] })).toMatch(/one arm/);
  for (const seeds of [[], [Number.NaN], [-1], [1.5]])
    expect(obstacle(members, undefined, { seeds })).toMatch(/^Draws: whole numbers from 0/);
  expect(obstacle(members, undefined, { limit: 0 })).toMatch(/^Item limit: /);
});
