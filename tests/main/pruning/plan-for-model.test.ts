import { fileURLToPath } from 'node:url';
import { expect, test, describe, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import {
  planForModel,
  rankedPlanForModel,
  signedPlan,
  type PlanRequest,
  type PlannedModel,
  planFromRanking,
} from '../../../main/pruning/plan-for-model.ts';

const folder = fileURLToPath(new URL('../../../resources/models/uncurl-8', import.meta.url));
const subject: PlannedModel = await openCheckpoint(folder);
const order: PlanRequest = {
  method: 'random',
  statistics: [],
  budget: 'uniform',
  pins: [],
  seed: 0,
  tasks: ['add', 'sort'],
};
const ranking = {
  ranking: [
    [7, 1, 0, 2, 3, 4, 5, 6],
    [5, 0, 1, 2, 3, 4, 6, 7],
    [4, 3, 0, 1, 2, 5, 6, 7],
  ],
  budget: 'uniform' as const,
  pins: [],
};

test('a plan names its model and tasks, and keeps a number of experts by factor, number or counts', () => {
  const { name, fingerprint } = subject;
  const byFactor = planForModel(subject, { ...order, factor: 4 });
  expect(byFactor).toMatchObject({ model: { name, fingerprint }, tasks: ['add', 'sort'], factor: 4, experts: 8 });
  expect(planForModel(subject, { ...order, keep: 2 })).toEqual(byFactor);
  const counts = planForModel(subject, { ...order, budget: 'manual', counts: [2, 3, 4] });
  expect('kept' in counts && counts.kept.map((kept) => kept.length)).toEqual([2, 3, 4]);
  expect(planForModel(subject, { ...order, keep: 2, tasks: [] })).not.toHaveProperty('tasks');
});

test('a ranking is signed with its model, its given name and its tasks', () => {
  const { name, fingerprint } = subject;
  const plan = rankedPlanForModel(subject, { ...ranking, keep: 2 });
  expect(plan).toMatchObject({
    model: { name, fingerprint },
    kept: [
      [1, 7],
      [0, 5],
      [3, 4],
    ],
  });
  expect(plan).not.toHaveProperty('tasks');
  expect(plan.method).toBe('ranking');
  expect(rankedPlanForModel(subject, { ...ranking, factor: 4 })).toEqual(plan);
  const named = rankedPlanForModel(subject, { ...ranking, keep: 2, method: 'mine', tasks: ['add'] });
  expect(named).toEqual({ ...plan, method: 'mine', tasks: ['add'] });
  const grouped = { ...subject, info: { ...subject.info, expertGroups: { count: 2, kept: 1, least: 1 } } };
  expect(() => rankedPlanForModel(grouped, { ...ranking, keep: 2 })).toThrow('groups of equal size');
});

test('exactly one of factor, number and counts is required', () => {
  const refusal = expect.objectContaining({ code: 'factor-or-keep' });
  for (const size of [{}, { factor: 2, keep: 4 }, { keep: 4, counts: [4, 4, 4] }]) {
    expect(() => planForModel(subject, { ...order, ...size })).toThrow(refusal);
    expect(() => rankedPlanForModel(subject, { ...ranking, ...size })).toThrow(refusal);
  }
  expect(() => planForModel(subject, { ...order, factor: 9 })).toThrow('fewer than the top-2');
});

test('a signature replaces an earlier one', () => {
  const earlier = { kept: [[0, 1]], model: { name: 'other', fingerprint: 'f' }, tasks: ['old'] };
  expect(signedPlan(earlier, subject, ['new'])).toEqual({
    kept: [[0, 1]],
    model: { name: subject.name, fingerprint: subject.fingerprint },
    tasks: ['new'],
  });
});

describe('planFromRanking', () => {
  const ranking = [
    [3, 1, 0, 2],
    [2, 0, 1, 3],
  ];
  const plan = (changed: Partial<Parameters<typeof planFromRanking>[0]>) =>
    planFromRanking({ ranking, experts: 4, topK: 1, keep: 2, budget: 'uniform', pins: [], ...changed });

  it('keeps the first of each layer, pins first', () => {
    expect(plan({})).toMatchObject({
      method: 'ranking',
      factor: 2,
      kept: [
        [1, 3],
        [0, 2],
      ],
    });
    expect(plan({ pins: [{ layer: 0, expert: 2, keep: true }] })).toMatchObject({
      kept: [
        [2, 3],
        [0, 2],
      ],
    });
    expect(plan({ budget: 'manual', counts: [1, 3] })).toMatchObject({ kept: [[3], [0, 1, 2]], factor: 2 });
  });

  it('refuses budgets that compare layers, and numbers that do not fit', () => {
    expect(() => plan({ budget: 'global' })).toThrow('orders experts only within each');
    expect(() => plan({ keep: 5 })).toThrow('Cannot keep 5, 5 of 4 experts');
    expect(() => plan({ budget: 'manual', counts: [2] })).toThrow('Cannot keep 2 of 4 experts in 2 layers');
  });
});
