import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Plan } from '../../../main/contract/plan.ts';
import { evaluationKey, profileKey, type EvaluationIdentity } from '../../../main/jobs/step-key.ts';

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

test('merges are told apart by groups, references, weights, router and alignment', () => {
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
