import { factSentence, factSentences } from '../../../main/words/sweep-facts.ts';
import { describe, expect, it, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { tensorInMemory } from '../../../main/checkpoint/write-safetensors.ts';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { sweepCounts } from '../../../main/evaluation/sweeps/sweep-shape.ts';
import { begunSteps, evaluationStep, measurementOf } from '../../../main/jobs/measurement.ts';
import { planSteps, profileStep, storedProfileFile } from '../../../main/jobs/plan-step.ts';
import { profileKey } from '../../../main/jobs/step.ts';
import { curvesOf, drawCosts, drawCostText, planStages } from '../../../main/jobs/sweep-stages.ts';
import type { ExtraStatistic } from '../../../main/profile/routing-statistics.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { choiceOutcome } from '../evaluation/outcomes.ts';
import { modelInfoOf } from '../contract/model-info-of.ts';
import { uniqueNames } from '../../../main/jobs/write-sweep-files.ts';
import { contextOfNothing } from './nothing-runs.ts';

const small = { name: 'small', checkpoint: { info: modelInfoOf({ experts: 8, topK: 2 }) } };
const large = { name: 'large', checkpoint: { info: modelInfoOf({ experts: 64, topK: 2 }) } };

test('factors become kept counts, falling, each once, without the unpruned model', () => {
  const { kept, facts } = sweepCounts([small], { factors: [4, 1, 2, 2, 8 / 3] });
  expect(kept.get('small')).toEqual([4, 3, 2]);
  expect(facts).toEqual([]);
});

test('a factor that no model can reach is refused with the largest possible one of each', () => {
  expect(() => sweepCounts([small], { factors: [8] })).toThrow('The pruning factor 8 leaves fewer experts');
  expect(() => sweepCounts([small, large], { factors: [2, 64] })).toThrow(
    expect.objectContaining({
      kind: 'refused',
      code: 'factor-too-large',
      remedy: expect.stringMatching(/small .* at most 4; large .* at most 32/),
    }),
  );
});

test('a factor that only some models can reach is left out for the others, with a note', () => {
  const { kept, facts } = sweepCounts([small, large], { factors: [2, 16] });
  expect(kept.get('small')).toEqual([4]);
  expect(kept.get('large')).toEqual([32, 4]);
  expect(facts.map(factSentence)).toEqual([
    'Factor 16 was left out where it would leave fewer than top-k experts: small (top-2 of 8 experts): at most 4.',
  ]);
});

test('several factors that are left out make one note, at the place of the first', () => {
  const { facts } = sweepCounts([small, large], { factors: [2, 8, 16] });
  expect(factSentences([...facts, { code: 'curtailed' }])).toEqual([
    'Factors 8 and 16 were left out where they would leave fewer than top-k experts: small (top-2 of 8 experts): ' +
      'at most 4.',
    factSentence({ code: 'curtailed' }),
  ]);
});

test('methods that draw have a curve per seed, three of them unless seeds are named, and others have one', () => {
  const asked = { methods: ['reap', 'uncurl', 'random', 'sub-moe', 'eep'], factors: [2] };
  const seedsOf = (settings: object) => {
    const curves = curvesOf(sweepSettings.parse({ ...asked, ...settings }));
    return asked.methods.map((name) => curves.filter(({ method }) => method === name).map(({ seed }) => seed));
  };
  expect(seedsOf({})).toEqual([[null], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2]]);
  expect(seedsOf({ seeds: [4, 4, 1] })).toEqual([[null], [4, 1], [4, 1], [4, 1], [4, 1]]);
  const [, settled] = seedsOf({ options: { uncurl: { assign: 'cluster-qr' } } });
  expect(settled).toEqual([null]);
});

test('the cost of several draws is counted by method, over models, tasks, factors and refits', () => {
  const models = [small, large];
  const settings = sweepSettings.parse({ methods: ['reap', 'uncurl'], factors: [1, 2, 16], recovery: 'both' });
  // Factor 2 of the small model, 2 and 16 of the large one, each as it is and refitted, on 5 tasks, twice more.
  const costs = drawCosts(settings, models, 5);
  expect(costs).toEqual([{ method: 'uncurl', draws: 3, more: 60 }]);
  const said = (changed: object) => costs.map((cost) => drawCostText(cost, { ...settings, ...changed }));
  expect(said({})).toEqual(['uncurl: 3 draws, 60 points more than with one']);
  expect(said({ stop: 'early' })).toEqual(['uncurl: 3 draws, at most 60 points more than with one']);
  expect(said({ adaptive: true })).toEqual(['uncurl: 3 draws, at least 60 points more than with one']);
  expect(drawCosts({ ...settings, seeds: [7] }, models, 5)).toEqual([]);
});

test('namesakes are distinguished, others keep their names', () => {
  expect(
    uniqueNames([
      { name: 'a', hash: '1111111' },
      { name: 'b', hash: '2' },
    ]),
  ).toEqual(['a', 'b']);
  const named = uniqueNames([
    { name: 'a', hash: '1111111' },
    { name: 'a', hash: '2222222' },
    { name: 'a', hash: '1111111' },
  ]);
  expect(named).toEqual(['a (111111)', 'a (222222)', 'a (111111) 2']);
});

describe('stages of a sweep, before anything is computed', () => {
  const planned = async (settings: object, items: Readonly<Record<string, number>> = { a: 10 }, of = 'mood') => {
    const checkpoint = await openCheckpoint('resources/models/uncurl-8');
    const task = await loadTask(`resources/tasks/${of}`);
    const tasks = Object.entries(items).map(([name, count]) => ({
      name,
      task: { ...task, test: task.test.slice(0, count) },
    }));
    const parsed = sweepSettings.parse({ methods: ['frequency'], factors: [2], ...settings });
    return planStages(await contextOfNothing(), {
      models: [{ name: 'uncurl-8', checkpoint }],
      tasks,
      settings: parsed,
    });
  };

  it('say which task has the most hidden states to keep where fidelity is measured', async () => {
    const statesOf = async (...given: Parameters<typeof planned>) =>
      (await planned(...given)).facts.filter(({ code }) => code === 'hidden-states');
    const [alone] = await statesOf({ fidelity: true }, { most: 40 });
    expect(alone).toMatchObject({ model: 'uncurl-8', task: 'most' });
    expect(await statesOf({ fidelity: true }, { few: 10, most: 40, some: 20 })).toEqual([alone]);
    expect(await statesOf({})).toEqual([]);
  });

  it('let the unpruned model answer calibration items only where its own answers calibrate a plan', async () => {
    const steps = async (settings: object): Promise<number> =>
      (await planned(settings, { a: 10 }, 'mood-written')).stages.reduce(
        (sum, { otherSteps }) => sum + otherSteps.length,
        0,
      );
    // A profile, and the unpruned model on the test items.
    expect(await steps({})).toBe(2);
    expect(await steps({ calibration: 'answers' })).toBe(2);
    expect(await steps({ calibration: 'written' })).toBe(3);
    // A method that draws needs no profile, and so no answers to make one from.
    expect(await steps({ methods: ['random'] })).toBe(1);
    expect(await steps({ methods: ['random'], calibration: 'written' })).toBe(1);
  });
});

test('a refit is work for each of its calibration tokens, and a plan without one takes none', () => {
  const order = {
    method: 'reap',
    options: {},
    budget: 'uniform',
    protect: 'none',
    gates: 'folded',
    seed: null,
  } as const;
  const tokens = { profiling: 100, scoring: 40 };
  expect(planSteps({ ...order, refit: null }, tokens)).toEqual([]);
  const [refit, ...others] = planSteps({ ...order, refit: 'experts' }, tokens);
  expect(others).toEqual([]);
  expect(refit?.work).toBeGreaterThan(tokens.profiling);
});

test('a profile that eliminates experts takes E^2 / 40 more, and E / 5 K where all experts run', async () => {
  const checkpoint = await openCheckpoint('resources/models/uncurl-64');
  const task = { name: 'mood', task: await loadTask('resources/tasks/mood') };
  const context = await contextOfNothing();
  const workOf = (...extras: readonly ExtraStatistic[]): number =>
    profileStep(context, { name: 'm', checkpoint }, task, 1000, extras).work;
  expect(checkpoint.info).toMatchObject({ experts: 64, topK: 2 });
  expect(workOf()).toBe(1000);
  expect(workOf('routed-outputs')).toBeCloseTo(1000 * (1 + 32 / 5), 6);
  expect(workOf('elimination')).toBeCloseTo(1000 * (1 + 32 / 5 + 4096 / 40), 6);
});

test('a plan has begun where its first part is stored, as cut with this memory or with another', async () => {
  const context = await contextOfNothing();
  const checkpoint = await openCheckpoint('resources/models/uncurl-8');
  const task = await loadTask('resources/tasks/mood');
  const model = { name: 'm', checkpoint };
  const measurement = await measurementOf(context, model, { name: 'mood', task }, task.test);
  const baseline = task.test.map(({ id }) => choiceOutcome(id, true));
  const plans = [4, 3, 2].map((keep) => ({ kept: [0, 1, 2].map(() => [0, 1, 2, 3].slice(0, keep)) }));
  const [first, second, third] = plans.map((plan) => evaluationStep(measurement, plan));
  if (first === undefined || second === undefined || third === undefined) throw new Error('three plans');
  const asked: string[] = [];
  const { steps } = context;
  const has = (...given: Parameters<typeof steps.has>): Promise<boolean> => {
    asked.push(given[0]);
    return steps.has(...given);
  };
  const begun = async (): Promise<readonly string[]> => {
    const watched = { ...context, steps: { ...steps, has } };
    return (await begunSteps(watched, measurement, baseline, [first, second, third])).map(({ key }) => key);
  };
  expect(await begun()).toEqual([]);
  // Each plan is looked up by its whole answers, and by the first part of either cut.
  const keys = [first, second, third].map(({ key }, at) => ({
    whole: key,
    parts: asked.slice(3 * at + 1, 3 * at + 3),
  }));
  expect(new Set(asked).size).toBe(9);
  expect(asked.filter((_, at) => at % 3 === 0)).toEqual(keys.map(({ whole }) => whole));
  for (const key of [keys[0]?.parts[0], keys[1]?.parts[1], keys[2]?.parts[0]]) await steps.writeJson(key ?? '', {});
  expect(await begun()).toEqual([first.key, second.key, third.key]);
  // All answers of a plan are there: it has ended.
  await steps.writeJson(third.key, {});
  expect(await begun()).toEqual([first.key, second.key]);
});

test('a stored profile serves every request for its statistics or fewer, and no other', async () => {
  const { steps, numerics } = await contextOfNothing();
  const tensors = [tensorInMemory('a', 'F32', [1], Float32Array.of(1))];
  const [model, items] = ['m'.repeat(64), 'i'.repeat(64)];
  const found = (...extras: readonly ExtraStatistic[]): Promise<string | null> =>
    storedProfileFile(steps, model, items, numerics, extras);
  expect(await found()).toBeNull();
  await steps.writeTensors(profileKey(model, items, numerics, ['routed-outputs', 'elimination']), 'profile', {
    tensors,
  });
  const file = await found();
  expect(file).not.toBeNull();
  expect([await found('elimination'), await found('routed-outputs', 'elimination')]).toEqual([file, file]);
  expect(await found('every-output')).toBeNull();
  expect(await storedProfileFile(steps, model, 'j'.repeat(64), numerics)).toBeNull();
  // The one with the fewest statistics is read.
  await steps.writeTensors(profileKey(model, items, numerics, []), 'profile', { tensors });
  expect(await found()).not.toBe(file);
  expect(await found('elimination')).toBe(file);
});
