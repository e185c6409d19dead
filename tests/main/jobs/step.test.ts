import { stepSummary } from '../../../main/words/sweep-facts.ts';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { MergePlan, Plan } from '../../../main/contract/plan.ts';
import { mergedKey } from '../../../main/inference/merged-layer.ts';
import {
  type EvaluationIdentity,
  evaluationKey,
  partKey,
  profileKey,
  recoveryKey,
  runStep,
  runSteps,
  searchKey,
  type SingleStep,
  totalWork,
  tunedKeys,
  writingKey,
} from '../../../main/jobs/step.ts';
import { contextOfNothing } from './nothing-runs.ts';
import fc from 'fast-check';

/** A step whose result is a number, and which counts how often it was computed. */
const stepOf = (number: number, changed: Partial<SingleStep<number>> = {}) => {
  const key = String(number).padStart(64, '0');
  const computed: number[] = [];
  const step: SingleStep<number> = {
    key,
    work: number,
    title: `Computing ${String(number)}`,
    checkpoint: null,
    read: (steps) => steps.readJson(key, z.number()),
    write: (steps, result) => steps.writeJson(key, result),
    compute: () => {
      computed.push(number);
      return Promise.resolve(2 * number);
    },
    ...changed,
  };
  return { step, computed };
};

test('a step is computed once and reused from disk after that, with its work counted both times', async () => {
  const context = await contextOfNothing();
  const { step, computed } = stepOf(3);
  context.meter.setTotal(totalWork([step, step]));
  expect(await runStep(context, step)).toBe(6);
  expect(context.meter.read()).toMatchObject({ done: 3, total: 6, reused: 0, description: 'Computing 3' });
  expect(await runStep(context, step)).toBe(6);
  expect(context.meter.read()).toMatchObject({ done: 6, total: 6, reused: 1 });
  expect(computed).toEqual([3]);
  expect(stepSummary(context.meter)).toBe('1 of 2 steps computed, 1 reused from disk.');
});

test('groups are computed in the requested order, and stored before they are announced', async () => {
  const context = await contextOfNothing();
  const steps = [1, 2, 3, 4, 5].map((number) => stepOf(number).step);
  await steps[1]?.write(context.steps, 4);
  const groups: (readonly number[])[] = [];
  const announced: unknown[] = [];
  const done = async (step: SingleStep<number>, result: number, isComputed: boolean): Promise<void> => {
    announced.push([result, isComputed, await step.read(context.steps)]);
  };
  await runSteps(
    context,
    steps,
    {
      title: 'Computing',
      checkpoint: null,
      inOrder: (left) => [...left].reverse(),
      groupSize: () => 3,
      compute: (group) => {
        groups.push(group.map(({ work }) => work));
        return Promise.resolve(new Map(group.map(({ key, work }) => [key, 2 * work])));
      },
    },
    done,
  );
  expect(groups).toEqual([[5, 4, 3], [1]]);
  expect(announced).toEqual([
    [4, false, 4],
    [10, true, 10],
    [8, true, 8],
    [6, true, 6],
    [2, true, 2],
  ]);
});

test('parts count as work, not as steps', async () => {
  const context = await contextOfNothing();
  const { step } = stepOf(3, { isPart: true });
  await runStep(context, step);
  await runStep(context, step);
  expect(context.meter).toMatchObject({ computed: 0, reused: 0 });
  context.meter.setTotal(6);
  expect(context.meter.read()).toMatchObject({ done: 6 });
});

test('after a cancel nothing is computed, and a result that is missing is no result', async () => {
  const { step, computed } = stepOf(3);
  await expect(runStep(await contextOfNothing(AbortSignal.abort()), step)).rejects.toMatchObject({ code: 'cancelled' });
  expect(computed).toEqual([]);
  const how = { title: '', checkpoint: null, groupSize: () => 1, compute: () => Promise.resolve(new Map()) };
  await expect(runSteps(await contextOfNothing(), [step], how, () => undefined)).rejects.toThrow('no result for step');
});

const identity: EvaluationIdentity = {
  model: 'model',
  experts: 4,
  itemsHash: 'items',
  plan: {
    kept: [
      [0, 1],
      [2, 3],
    ],
  },
  numerics: { version: 1, runtime: 'onnxruntime 1', provider: 'cpu', precision: 'float32' },
};
const key = (changes: Partial<EvaluationIdentity>): string => evaluationKey({ ...identity, ...changes });

test('everything that may change a number changes the key', () => {
  const keys = [
    key({}),
    key({ model: 'other' }),
    key({ itemsHash: 'other' }),
    key({
      plan: {
        kept: [
          [0, 1],
          [1, 3],
        ],
      },
    }),
    key({ plan: null }),
    key({ weights: 'q8_0' }),
    key({ weights: 'q4_0' }),
    key({ numerics: { ...identity.numerics, version: 2 } }),
    key({ numerics: { ...identity.numerics, runtime: 'onnxruntime 2' } }),
    key({ numerics: { ...identity.numerics, provider: 'webgpu' } }),
    key({ numerics: { ...identity.numerics, precision: 'float16' } }),
    profileKey('model', 'items', identity.numerics),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  for (const each of keys) expect(each).toMatch(/^[0-9a-f]{64}$/);
});

test('who made a plan, and in which order it lists experts, does not change the key', () => {
  const provenance = {
    method: 'reap',
    seed: 3,
    factor: 2,
    tasks: ['a'],
    experts: 4,
    model: { name: 'm', fingerprint: 'f' },
  };
  expect(
    key({
      plan: {
        ...provenance,
        kept: [
          [1, 0],
          [3, 2],
        ],
      },
    }),
  ).toBe(key({}));
});

test('a plan that keeps every expert is the unpruned model', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 }), (layers, experts) => {
      const all = Array.from({ length: experts }, (_, expert) => expert);
      const plan: Plan = { kept: Array.from({ length: layers }, () => [...all].reverse()) };
      expect(key({ experts, plan })).toBe(key({ experts, plan: null }));
    }),
  );
});

test('merges are distinguished by groups, references, weights, router and alignment', () => {
  const group = { members: [0, 1], reference: 0, weights: [1, 2] };
  const merge = {
    groups: [[group, { members: [2, 3], reference: 2, weights: [1, 1] }]],
    router: 'reference-row',
    align: true,
  } as const;
  const plan = (changes: object): Plan => ({
    ...structuredClone(merge),
    groups: merge.groups.map((layer) =>
      layer.map((each) => ({ ...each, members: [...each.members], weights: [...each.weights] })),
    ),
    ...changes,
  });
  const keys = [
    key({ plan: plan({}) }),
    key({ plan: plan({ router: 'mean-row' }) }),
    key({ plan: plan({ align: false }) }),
    key({
      plan: plan({
        groups: [
          [
            { ...group, reference: 1 },
            { members: [2, 3], reference: 2, weights: [1, 1] },
          ],
        ],
      }),
    }),
    key({
      plan: plan({
        groups: [
          [
            { ...group, weights: [1, 3] },
            { members: [2, 3], reference: 2, weights: [1, 1] },
          ],
        ],
      }),
    }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test('answers with fidelity are other steps, and without it the same as ever', () => {
  expect(evaluationKey({ ...identity, fidelity: true })).not.toBe(evaluationKey(identity));
  expect(evaluationKey({ ...identity, fidelity: undefined })).toBe(evaluationKey(identity));
});

test('the keys of stored steps never change: other keys would have everything computed again', () => {
  const { model, experts, itemsHash, numerics } = identity;
  const plan = { kept: [[0, 1]], method: 'reap' };
  const group = { members: [0, 1], reference: 0, weights: [1, 2] };
  const merge: MergePlan = { groups: [[group]], router: 'mean-row', align: true };
  const evaluation = evaluationKey(identity);
  const writing = {
    judging: { pipelines: [{ name: 'first', filter: [{ function: 'take_first' }] }], exactMatch: {} },
    endTokens: [1, 2],
    endText: null,
  };
  const trained = {
    stages: ['all'],
    routerSteps: 20,
    epochs: 2,
    batch: 64,
    length: 128,
    rate: 0.001,
    warmUp: null,
    weightDecay: 0.001,
    clip: 1,
    balance: 0.01,
    freeze: [],
    seed: 0,
    device: 'cpu',
  };
  const search = { model, itemsHash, method: 'eep', options: { evaluations: 16 }, keep: 2, numerics };
  expect({
    evaluation,
    unpruned: evaluationKey({ ...identity, plan: null }),
    merge: evaluationKey({ ...identity, plan: merge }),
    written: evaluationKey({ ...identity, writing }),
    part: partKey(evaluation, 'part'),
    stretch: writingKey(evaluation, 128, 64),
    profile: profileKey(model, itemsHash, numerics),
    wideProfile: profileKey(model, itemsHash, numerics, ['peaks']),
    evolution: searchKey({ ...search, seed: 0, metric: 'acc' }),
    progressive: searchKey({ ...search, method: 'naee', options: {}, seed: null, metric: null }),
    refit: recoveryKey({ model, experts, itemsHash, plan, refit: 'experts', numerics }),
    routerRefit: recoveryKey({ model, experts, itemsHash, plan, refit: 'router', numerics }),
    tuned: tunedKeys({
      model,
      experts,
      itemsHash,
      plan,
      numerics,
      calibrationHash: 'calibration',
      threads: 1,
      settings: trained,
      python: { torch: '2' },
    }),
    overlay: mergedKey('fingerprint', 0, merge),
  }).toEqual({
    evaluation: '901176be939664083c13cde38b1477558f25158231dcbeb9a97543bea4c9c595',
    evolution: 'e79391e41a3073265cbe62241fdf6f72a8ece778084091a1b38ddf46d360567b',
    merge: '3289c74ff02067b05c3cd099157d52ebc3567cc2d445b3ea4a173c1f6f44fce5',
    overlay: 'ad0a1221ffe74a537161868dc1d5db4b',
    part: 'a24f0da5711a811b2d395a368eec8a3568e09149d9251fa8b3dbddc5f68d237d',
    profile: '0946c718c23fc8548bfd1ec89d175f31c660e98d6d2b7afbadba9a63119f00d3',
    progressive: 'f7f5e8b720ab26b1e6bfff05b5661ca8ff882b33d71ff83ae795c01bbe154a72',
    refit: '391cba176a57408a2d778ad28d93a981b3edc02eb50d6edf4c77542e07e23569',
    routerRefit: '123c793e6cf0414a9e3c36c8a525391f61405db5a83893c9c84a810ea2784679',
    stretch: '0ffdbde88775f5b654714c5ceab5646379d17fa9033d0299ce3359f1e4c3f724',
    tuned: {
      evaluation: '27e970e5b39c7b42e84eb97fabfb055e5b3c38d6692ecd2286f55d727014e9ea',
      training: 'a8513e5b0ed18b7359dd12ef8d37235fadb811785e06c12e4999b38c063dddf0',
    },
    unpruned: '453a98de2065be7b106ff9d15fbd3244b3ed3da1b0a73685796f140196b5689a',
    wideProfile: '197e1a4c568ac1cb4f39575a0de5fe140e8269aa0b09adc7c94cbff2902af65b',
    written: 'f6bda90b91d0a6f52ce72ad68d051045f80c25e3cb046488d36073166deecec8',
  });
});
