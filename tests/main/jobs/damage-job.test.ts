import { expect, test } from 'vitest';
import { leftOutExperts, planWithout } from '../../../main/jobs/damage-job.ts';
import { modelInfoOf } from '../contract/model-info-of.ts';

const info = modelInfoOf({ layers: 2, moeLayers: 2, experts: 3 });

test('a plan without one expert keeps every other of every layer', () => {
  expect(planWithout(info, 1, 0)).toEqual({
    kept: [
      [0, 1, 2],
      [1, 2],
    ],
  });
});

test('experts are left out once each, ascending; the default is the whole layer', () => {
  expect(leftOutExperts(info, { layer: 0, experts: [2, 0, 2] })).toEqual([0, 2]);
  expect(leftOutExperts(info, { layer: 0 })).toEqual([0, 1, 2]);
});

test('a model that needs every expert is refused before anything runs', () => {
  expect(() => leftOutExperts({ ...info, topK: 3 }, { layer: 0 })).toThrow(
    expect.objectContaining({ code: 'plan-invalid' }),
  );
});
