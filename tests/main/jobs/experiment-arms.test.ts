import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { type ExperimentSettings, experimentSettings } from '../../../main/contract/experiment.ts';
import { armOptions, armsOf, armTraining, checkExperiment } from '../../../main/jobs/experiment-arms.ts';
import type { RunModel } from '../../../main/jobs/job-context.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const member = async (name: string): Promise<RunModel> => ({
  name,
  checkpoint: await openCheckpoint(join(resources, 'models', name)),
});
const [small, large] = [await member('switch-8'), await member('switch-32')];
const task = { name: 'capital', task: await loadTask(join(resources, 'tasks', 'capital')) };

const settingsOf = (given: Partial<ExperimentSettings>): ExperimentSettings =>
  experimentSettings.parse({ training: {}, ...given });
const namesOf = (given: Partial<ExperimentSettings>): readonly string[] =>
  armsOf(large, [8], 'capital', settingsOf(given)).map(
    ({ kept, method, treatment, seed }) => `${String(kept)} ${method ?? 'unpruned'} ${treatment} ${String(seed)}`,
  );

describe('draws', () => {
  it('are separate arms only where the plan depends on a seed', () => {
    expect(
      namesOf({ methods: ['uncurl', 'frequency', 'random'], treatments: ['as-is', 'tuned'], seeds: [0, 3] }),
    ).toEqual([
      ...['32 unpruned as-is null', '32 unpruned tuned null'],
      ...['8 uncurl as-is 0', '8 uncurl as-is 3', '8 uncurl tuned 0', '8 uncurl tuned 3'],
      ...['8 frequency as-is null', '8 frequency tuned null'],
      ...['8 random as-is 0', '8 random as-is 3', '8 random tuned 0', '8 random tuned 3'],
    ]);
  });

  it('are not repeated for a method whose options draw nothing, except with a new router', () => {
    expect(
      namesOf({
        options: { uncurl: { assign: 'cluster-qr' } },
        treatments: ['as-is', 'tuned', 'new-router'],
        seeds: [0, 1],
      }),
    ).toEqual([
      ...['32 unpruned as-is null', '32 unpruned tuned null', '8 uncurl as-is null', '8 uncurl tuned null'],
      ...['8 uncurl new-router 0', '8 uncurl new-router 1'],
    ]);
  });

  it('include the references where trainings are drawn too', () => {
    const drawn: Partial<ExperimentSettings> = { seeds: [0, 1], trainingSeeds: 'drawn' };
    expect(namesOf({ ...drawn, methods: ['frequency'], treatments: ['as-is', 'tuned'] })).toEqual([
      ...['32 unpruned as-is null', '32 unpruned tuned 0', '32 unpruned tuned 1'],
      ...['8 frequency as-is null', '8 frequency tuned 0', '8 frequency tuned 1'],
    ]);
    const settings = settingsOf({ ...drawn, training: { ...settingsOf({}).training, seed: 5 } });
    expect([0, 1].map((seed) => armTraining(settings, { treatment: 'tuned', seed }).seed)).toEqual([5, 6]);
    expect(armTraining({ ...settings, trainingSeeds: 'fixed' }, { treatment: 'tuned', seed: 1 }).seed).toBe(5);
  });
});

describe('gates', () => {
  const gatesOf = (given: Partial<ExperimentSettings>, model = large): readonly string[] =>
    armsOf(model, [8], 'capital', settingsOf({ seeds: [0], ...given })).map(
      ({ method, treatment, gates }) => `${method ?? 'unpruned'} ${treatment} ${gates ?? '-'}`,
    );

  it('are folded unless asked otherwise; both are separate arms of pruned members alone', () => {
    expect(gatesOf({ treatments: ['as-is'] })).toEqual(['unpruned as-is -', 'uncurl as-is folded']);
    expect(gatesOf({ treatments: ['as-is'], gates: ['renormalised'] })).toEqual(['unpruned as-is -', 'uncurl as-is -']);
    expect(gatesOf({ treatments: ['as-is', 'tuned'], gates: ['renormalised', 'folded', 'folded'] })).toEqual([
      ...['unpruned as-is -', 'unpruned tuned -', 'uncurl as-is folded', 'uncurl as-is -'],
      ...['uncurl tuned folded', 'uncurl tuned -'],
    ]);
  });

  it('make no second arm where deleting experts does not change them', async () => {
    const gates: ExperimentSettings['gates'] = ['folded', 'renormalised'];
    // New random rows, whole routers, and constants.
    expect(gatesOf({ gates, treatments: ['new-router'] })).toEqual(['unpruned tuned -', 'uncurl new-router -']);
    const mapped = { uncurl: { router: 'mapped-rows' } };
    expect(gatesOf({ gates, treatments: ['as-is'], options: mapped })).toEqual(['unpruned as-is -', 'uncurl as-is -']);
    expect(gatesOf({ gates, treatments: ['as-is'], methods: ['mone'] })).toEqual(['unpruned as-is -', 'mone as-is -']);
    // A router that renormalises.
    expect(gatesOf({ gates, treatments: ['as-is'] }, await member('uncurl-32'))).toEqual([
      'unpruned as-is -',
      'uncurl as-is -',
    ]);
  });
});

describe('treatments', () => {
  it('include the references that they are compared with, each once', () => {
    expect(
      namesOf({ treatments: ['new-router', 'new-router-two-stage', 'two-stage', 'new-router'], seeds: [0] }),
    ).toEqual([
      ...['32 unpruned tuned null', '32 unpruned two-stage null'],
      ...['8 uncurl two-stage 0', '8 uncurl new-router 0', '8 uncurl new-router-two-stage 0'],
    ]);
    expect(namesOf({ treatments: ['refit'], seeds: [0] })).toEqual(['32 unpruned as-is null', '8 uncurl refit 0']);
  });

  it('have the general stage before all weights learn from the task, or not at all', () => {
    const stagesOf = (stages: ExperimentSettings['training']['stages'], treatment: 'tuned' | 'two-stage') =>
      armTraining(settingsOf({ training: { ...settingsOf({}).training, stages } }), { treatment, seed: null }).stages;
    expect(stagesOf(['router', 'all'], 'tuned')).toEqual(['router', 'all']);
    expect(stagesOf(['router', 'all'], 'two-stage')).toEqual(['router', 'general', 'all']);
    expect(stagesOf(['general', 'router', 'all'], 'two-stage')).toEqual(['general', 'router', 'all']);
    expect(stagesOf(['general', 'router', 'all'], 'tuned')).toEqual(['router', 'all']);
  });

  it('draw a new router for pruned arms, whatever router option the method has', () => {
    const settings = settingsOf({ options: { uncurl: { router: 'mean-row', align: false } } });
    expect(armOptions(settings, 'uncurl', 'tuned')).toEqual({ router: 'mean-row', align: false });
    expect(armOptions(settings, 'uncurl', 'new-router')).toEqual({ router: 'reinitialised', align: false });
  });

  const refusal = (given: Partial<ExperimentSettings>) => () =>
    checkExperiment([small, large], [task], settingsOf(given));

  it('that cannot be made are refused', () => {
    expect(refusal({ methods: ['frequency'], treatments: ['new-router'] })).toThrow(/no router to draw at random/);
    const training = { ...settingsOf({}).training, stages: ['router' as const] };
    expect(refusal({ training, treatments: ['two-stage'] })).toThrow(/cannot be trained with the stages router alone/);
    expect(refusal({ training: { ...training, stages: ['general'] }, treatments: ['tuned'] })).toThrow(/general alone/);
    expect(refusal({ training: { ...training, stages: ['distil'] }, treatments: ['tuned'] })).toThrow(/stage distil/);
    expect(refusal({ methods: ['eep'] })).toThrow(/searches its plans/);
    expect(refusal({ methods: ['random'], treatments: ['as-is'] })).not.toThrow();
    // A new router replaces one that no stock loader could open.
    expect(refusal({ options: { uncurl: { router: 'mapped-rows' } }, treatments: ['new-router'] })).not.toThrow();
  });
});
