import { expect, test } from 'vitest';
import type { MergePlan, PlanRecovery } from '../../../main/contract/plan.ts';
import { exportWarnings } from '../../../main/export/export-plan.ts';

test('an export with a new, random router warns that it is only a starting point', () => {
  const plan: MergePlan = {
    groups: [[{ members: [0, 1], reference: 0, weights: [1, 1] }]],
    router: 'reinitialised',
    align: true,
  };
  const recovery: PlanRecovery = { weights: '0'.repeat(32), tasks: ['add'], items: 4, tokens: 40, layers: [] };
  const warnings = (changed: Partial<MergePlan>) => exportWarnings({ moeLayers: 1 }, { ...plan, ...changed }, 'hf');
  expect(warnings({})).toEqual([expect.stringContaining('new and random')]);
  expect(warnings({ recovery: { ...recovery, layers: [{ lambda: 1, heldOut: 0.5, left: 0.5 }] } })).toHaveLength(1);
  expect(
    warnings({ recovery: { ...recovery, refit: 'router', router: [{ steps: 10, heldOut: 0.5, left: 0.5 }] } }),
  ).toEqual([]);
  expect(warnings({ router: 'reference-row' })).toEqual([]);
});
