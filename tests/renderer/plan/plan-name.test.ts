import { expect, test } from 'vitest';
import { pathHandle } from '../../../main/contract/model.ts';
import { planName } from '../../../renderer/plan/plan-name.ts';
import { noSelection, plainPlan, type Selection } from '../../../renderer/state/selection.ts';
import { modelEntryOf, taskEntryOf } from '../../main/contract/entries.ts';
import { modelInfoOf } from '../../main/contract/model-info-of.ts';

const model = modelEntryOf('m', { info: modelInfoOf({ experts: 8, moeLayers: 2, topK: 2 }) });
const task = taskEntryOf('sums');
const selection = { ...noSelection, model: model.handle, task: task.handle, method: 'reap', factor: 2 };
const facts = {
  connected: true,
  models: [model],
  tasks: [task, taskEntryOf('sort')],
  runs: [],
  jobs: [],
  methods: [],
  selection,
};

const nameIn = (changed: Partial<Selection>) => planName({ ...facts, selection: { ...selection, ...changed } });

test('a plan is called by its method and factor', () => {
  expect(nameIn({})).toEqual({ text: 'REAP ×2', factor: 2, isEdited: false });
});

test('what was edited is part of its name, and counts by hand have a factor of their own', () => {
  const pins = { [model.handle]: [{ layer: 0, expert: 1, keep: true }] };
  expect(nameIn({ pins })).toEqual({
    text: 'REAP ×2, 1 pin',
    factor: 2,
    isEdited: true,
  });
  const counts = { model: model.handle, factor: 2, values: [4, 8] };
  const byHand = nameIn({ plan: { ...plainPlan, budget: 'manual', counts } });
  expect(byHand?.text).toBe('REAP ×1.33, counts by hand');
  expect(byHand?.factor).toBeCloseTo(16 / 12);
  const tasks = [task.handle, pathHandle.parse('sort')];
  expect(nameIn({ tasks, plan: { ...plainPlan, madeFor: 'ticked' } })?.text).toBe('REAP ×2, for 2 tasks');
});
