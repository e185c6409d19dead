import { isUsable, selectedModel } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { plannedTasks } from '../features/prune/current-plan.ts';
import { optionsOf } from '../features/prune/sweep-plan.ts';
import { curvesStore } from '../state/curves-store.ts';
import { layoutStore } from '../state/layout-store.ts';
import { planStore } from '../state/plan-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import type { Action } from './action.ts';

const canSearch = (facts: Facts): boolean =>
  facts.connected &&
  isUsable(selectedModel(facts)) &&
  facts.selection.factor > 1 &&
  plannedTasks(facts, planStore.getState()).length > 0;

/**
 * A plan that has to be searched for: the job that finds and measures it is a sweep of one point. Offered where the
 * engine has answered that there is no plan without a search, and so not among the actions of palette and menu.
 */
export const startSearch: Action = {
  id: 'start-search',
  label: 'Search for a plan and measure it',
  keywords: ['search', 'evaluate', 'method', 'factor'],
  menu: 'run',
  enabled: canSearch,
  perform: async ({ bridge, cache }, facts) => {
    const model = selectedModel(facts);
    if (model === null) return;
    const { method, factor } = facts.selection;
    const { options, seed } = planStore.getState();
    const { limit, delta } = sweepStore.getState();
    const { run } = await bridge.call('sweep.start', {
      models: [model.handle],
      tasks: [...plannedTasks(facts, planStore.getState())],
      settings: {
        ...{
          methods: [method],
          factors: [1, factor],
          seeds: [seed],
          options: optionsOf([method], options),
          limit,
          delta,
        },
      },
    });
    cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
    selectionStore.getState().selectRun(run);
    curvesStore.getState().chooseDelta(null);
    layoutStore.getState().show('curves');
  },
};
