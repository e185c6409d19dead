import { describe, expect, test } from 'vitest';
import { pathHandle } from '../../../main/contract/model.ts';
import { createSelectionStore } from '../../../renderer/state/selection-store.ts';
import { noSelection } from '../../../renderer/state/selection.ts';

const [a, b, task] = [pathHandle.parse('a'), pathHandle.parse('b'), pathHandle.parse('t')];
const point = { run: 'r', model: 'm', task: 't', method: 'reap', seed: null, factor: 4 };

describe('a change', () => {
  test('of the model drops its expert, and leaves the expert panel', () => {
    const store = createSelectionStore();
    store.getState().selectExpert(1, 7);
    store.getState().selectModel(b);
    expect(store.getState()).toMatchObject({ model: b, layer: null, subject: 'plan' });
  });

  test('to a point restores its plan, and another model drops the expert', () => {
    const on = { ...noSelection, model: a, layer: 1, expert: 7 };
    const [far, near] = [createSelectionStore(on), createSelectionStore(on)];
    const brought = { model: b, task, method: 'uncurl', factor: 4 };
    far.getState().selectPoint(point, brought);
    expect(far.getState()).toMatchObject({ ...brought, point, layer: null });
    near.getState().selectPoint(point, { factor: 4 });
    expect(near.getState()).toMatchObject({ model: a, layer: 1 });
  });

  test('of pins keeps one per expert, in order, and keeps those of other models', () => {
    const store = createSelectionStore();
    const { pin, removePins } = store.getState();
    pin(b, { layer: 0, expert: 1 }, true);
    pin(a, { layer: 2, expert: 0 }, true);
    pin(a, { layer: 1, expert: 0 }, false);
    pin(a, { layer: 2, expert: 0 }, false);
    expect(store.getState().pins).toEqual({
      [a]: [
        { layer: 1, expert: 0, keep: false },
        { layer: 2, expert: 0, keep: false },
      ],
      [b]: [{ layer: 0, expert: 1, keep: true }],
    });
    pin(a, { layer: 1, expert: 0 }, null);
    expect(store.getState().pins[a]).toHaveLength(1);
    removePins(a);
    expect(store.getState().pins).toMatchObject({ [a]: [], [b]: [{ expert: 1 }] });
  });
});

describe('history', () => {
  test('includes map settings, and an unchanged value is not a step', () => {
    const store = createSelectionStore(noSelection);
    store.getState().drawMap({ metric: 'reap', order: { by: 'value' } });
    store.getState().drawMap({ metric: 'reap', order: { by: 'value' }, minus: null });
    expect(store.getState().history.past).toHaveLength(1);
    store.getState().undo();
    expect(store.getState().map).toEqual(noSelection.map);
    store.getState().redo();
    expect(store.getState().map).toMatchObject({ metric: 'reap', order: { by: 'value' }, scaling: null });
  });

  const withModel = () => createSelectionStore({ ...noSelection, model: a });

  test('undoes pins, factor, method, ticks, model and task one by one, and redoes them', () => {
    const store = withModel();
    const { pin, chooseFactor, chooseMethod, toggleTask, selectModel, focusTask, undo, redo } = store.getState();
    const states = [store.getState()];
    const steps = [
      () => pin(a, { layer: 0, expert: 1 }, true),
      () => chooseFactor(4),
      () => chooseMethod('uncurl'),
      () => toggleTask(task),
      () => focusTask(task),
      () => selectModel(b),
    ];
    for (const step of steps) {
      step();
      states.push(store.getState());
    }
    const plan = ({ model, task: focused, tasks, method, factor, pins }: ReturnType<typeof store.getState>) => ({
      model,
      focused,
      tasks,
      method,
      factor,
      pins,
    });
    for (const before of states.slice(0, -1).reverse()) {
      undo();
      expect(plan(store.getState())).toEqual(plan(before));
    }
    undo();
    expect(store.getState().history.past).toEqual([]);
    for (const after of states.slice(1)) {
      redo();
      expect(plan(store.getState())).toEqual(plan(after));
    }
    expect(store.getState().history.future).toEqual([]);
  });

  test('counts a drag of the slider as one step, and two drags as two', () => {
    const store = withModel();
    const { dragFactor, endDrag, undo } = store.getState();
    for (const factor of [3, 3.5, 4]) dragFactor(factor);
    endDrag();
    for (const factor of [5, 8]) dragFactor(factor);
    undo();
    expect(store.getState().factor).toBe(4);
    // A change after an undo is its own step, even if the slider is still being dragged.
    dragFactor(6);
    undo();
    expect(store.getState().factor).toBe(4);
    undo();
    expect(store.getState().factor).toBe(2);
  });

  test('a new change discards undone steps; filling in defaults and viewing are not steps', () => {
    const store = withModel();
    const { chooseMethod, chooseFactor, selectExpert, explain, complete, selectRun, undo } = store.getState();
    complete({ task });
    selectExpert(1, 1);
    explain('model');
    selectRun('r');
    chooseMethod('reap');
    expect(store.getState().history.past).toEqual([]);
    chooseMethod('uncurl');
    undo();
    chooseFactor(4);
    expect(store.getState().history.future).toEqual([]);
    expect(store.getState()).toMatchObject({ method: 'reap', factor: 4, layer: 1, run: 'r' });
  });

  test('undoes plan settings; a typed number is one step until its field is left', () => {
    const store = withModel();
    const plan = () => store.getState().plan;
    const { choosePlan, choosePlanSetting, choosePlanOption } = store.getState();
    const { endDrag, chooseMethod, undo, redo } = store.getState();
    choosePlanSetting('budget', 'global');
    for (const seed of [1, 12, 123]) choosePlanSetting('seed', seed);
    endDrag();
    choosePlanOption('reap', 'form', 'sum');
    choosePlanOption('reap', 'form', 'sum');
    const imported = { name: 'r.json', text: '{}', model: a, kind: 'ranking' as const, method: null, factor: null };
    choosePlan({ imported });
    chooseMethod('uncurl');
    expect(plan()).toMatchObject({ budget: 'global', seed: 123, imported: null });
    undo();
    expect(plan().imported?.name).toBe('r.json');
    undo();
    undo();
    expect(plan().options).toMatchObject({ reap: { form: 'sum' } });
    undo();
    expect(plan()).toMatchObject({ seed: 123, options: {} });
    undo();
    expect(plan()).toMatchObject({ budget: 'global', seed: 0 });
    undo();
    expect(plan()).toMatchObject({ budget: 'uniform' });
    redo();
    expect(plan()).toMatchObject({ budget: 'global' });
  });

  test('following a link is one step', () => {
    const store = withModel();
    store.getState().chooseFactor(4);
    store.getState().follow({ model: b, factor: 8, method: 'uncurl' });
    store.getState().undo();
    expect(store.getState()).toMatchObject({ model: a, factor: 4, method: 'reap' });
  });
});
