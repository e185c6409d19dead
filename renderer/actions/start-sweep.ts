import { isUsable, selectedModel, tickedTasks } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { sweepInput, sweepObstacle } from '../features/prune/sweep-plan.ts';
import { curvesStore } from '../state/curves-store.ts';
import { layoutStore } from '../state/layout-store.ts';
import { planStore } from '../state/plan-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import type { Action } from './action.ts';

/** The selected model and the others ticked for the sweep. */
export const sweepModels = (facts: Facts) => {
  const { otherModels } = sweepStore.getState();
  const selected = selectedModel(facts);
  return facts.models
    .filter((model) => model === selected || otherModels.includes(model.handle))
    .filter((model) => isUsable(model));
};

export const startSweep: Action = {
  id: 'start-sweep',
  label: 'Start sweep',
  keywords: ['evaluate', 'measure', 'curves', 'threshold'],
  menu: 'run',
  shortcut: 'Mod+Enter',
  enabled: (facts) =>
    facts.connected &&
    sweepObstacle(sweepModels(facts), tickedTasks(facts), sweepStore.getState(), facts.methods) === null,
  perform: async ({ bridge, cache }, facts) => {
    const input = sweepInput(
      sweepModels(facts),
      tickedTasks(facts),
      sweepStore.getState(),
      planStore.getState().options,
    );
    const { run } = await bridge.call('sweep.start', input);
    cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
    selectionStore.getState().selectRun(run);
    curvesStore.getState().chooseDelta(null);
    layoutStore.getState().show('curves');
  },
};
