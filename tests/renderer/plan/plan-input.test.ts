import { expect, test } from 'vitest';
import { planRequest } from '../../../main/contract/calls.ts';
import { modelEntry, pathHandle } from '../../../main/contract/model.ts';
import { countsByLayer, currentPlanCall, planInput } from '../../../renderer/plan/plan-input.ts';
import { createSelectionStore } from '../../../renderer/state/selection-store.ts';
import { type ImportedFile, noSelection, plainPlan } from '../../../renderer/state/selection.ts';
import { modelEntryOf } from '../../main/contract/entries.ts';

const model = modelEntryOf('uncurl-8', { handle: 'm' });
const [a, b] = [pathHandle.parse('a'), pathHandle.parse('b')];
const at = { method: 'reap' as const, factor: 2, pins: {} };

test('default values are not sent', () => {
  expect(planInput(model, [a], { ...plainPlan, ...at })).toEqual({
    model: 'm',
    tasks: ['a'],
    method: 'reap',
    keep: 4,
    budget: 'uniform',
  });
  expect(planInput(model, [], { ...plainPlan, ...at })).toBeNull();
});

test('options, pins, protection, weights and counts reach the request in the contract’s form', () => {
  const selection = createSelectionStore();
  const { pin, choosePlan, choosePlanSetting, choosePlanOption } = selection.getState();
  choosePlanOption('reap', 'form', 'sum');
  choosePlanOption('ean', 'form', 'ca');
  pin(model.handle, { layer: 2, expert: 1 }, true);
  pin(model.handle, { layer: 0, expert: 5 }, false);
  pin(pathHandle.parse('other'), { layer: 0, expert: 0 }, true);
  choosePlanSetting('protect', 'early');
  choosePlan({ taskWeights: { [b]: 3 } });
  choosePlanSetting('budget', 'manual');
  choosePlan({ counts: { model: model.handle, factor: 2, values: [2, 3, 8] } });
  choosePlanSetting('seed', 7);
  const { plan, pins } = selection.getState();
  const input = planInput(model, [a, b], { ...plan, ...at, pins });
  expect(planRequest.parse(input)).toMatchObject({
    counts: [2, 3, 8],
    budget: 'manual',
    options: { form: 'sum' },
    protect: 'early',
    taskWeights: [1, 3],
    seed: 7,
    pins: [
      { layer: 0, expert: 5, keep: false },
      { layer: 2, expert: 1, keep: true },
    ],
  });
  expect(input).not.toHaveProperty('keep');
});

test('an option reset to its default and a removed pin leave nothing behind', () => {
  const selection = createSelectionStore();
  const { pin, choosePlanOption } = selection.getState();
  choosePlanOption('reap', 'form', 'sum');
  choosePlanOption('reap', 'form', undefined);
  pin(model.handle, { layer: 0, expert: 5 }, false);
  pin(model.handle, { layer: 0, expert: 5 }, true);
  expect(selection.getState().pins[model.handle]).toEqual([{ layer: 0, expert: 5, keep: true }]);
  pin(model.handle, { layer: 0, expert: 5 }, null);
  const { plan, pins } = selection.getState();
  expect(planInput(model, [a], { ...plan, ...at, pins })).toEqual(planInput(model, [a], { ...plainPlan, ...at }));
});

test('counts by hand are valid for their model and factor only; TSEP has no budget', () => {
  const counts = { model: model.handle, factor: 2, values: [2, 3, 8] };
  expect(countsByLayer(model, { counts, factor: 2 })).toEqual([2, 3, 8]);
  expect(countsByLayer(model, { counts, factor: 4 })).toEqual([2, 2, 2]);
  expect(countsByLayer(model, { counts: { ...counts, model: a }, factor: 2 })).toEqual([4, 4, 4]);
  const store = { ...plainPlan, budget: 'global' as const };
  expect(planInput(model, [a], { ...store, ...at, method: 'tsep' })).toMatchObject({ budget: 'uniform', keep: 4 });
});

test('an imported file replaces the method, for the model it was read for', () => {
  const file = {
    name: 'r.json',
    text: '[[1]]',
    model: model.handle,
    kind: 'ranking' as const,
    method: null,
    factor: null,
  };
  const factsWith = (imported: ImportedFile) => ({
    connected: true,
    models: [model],
    tasks: [],
    runs: [],
    jobs: [],
    methods: [],
    selection: {
      ...noSelection,
      model: model.handle,
      task: a,
      ...at,
      pins: { [model.handle]: [{ layer: 1, expert: 1, keep: true }] },
      plan: { ...plainPlan, imported },
    },
  });
  expect(currentPlanCall(factsWith(file))).toEqual({
    call: 'plan.import',
    input: { model: 'm', text: '[[1]]', name: 'r.json', keep: 4, pins: [{ layer: 1, expert: 1, keep: true }] },
  });
  const ofPlan = currentPlanCall(factsWith({ ...file, kind: 'plan' }));
  expect(ofPlan?.input).toEqual({ model: 'm', text: '[[1]]', name: 'r.json' });
  expect(currentPlanCall(factsWith({ ...file, model: b }))?.call).toBe('plan.make');
});

test('the chat switch reaches the request of a model with a template, and of no other', () => {
  const settings = { ...plainPlan, ...at, chat: true };
  const chatty = modelEntry.parse({ ...model, info: { ...model.info, chatTemplate: 'chat_template.jinja' } });
  expect(planInput(model, [a], settings)?.chat).toBeUndefined();
  const input = planInput(chatty, [a], settings);
  expect(planRequest.parse(input).chat).toBe(true);
});
