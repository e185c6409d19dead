import { isUsable, selectedModel } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { plannedTasks } from '../features/prune/current-plan.ts';
import { optionsOf } from '../features/prune/sweep-plan.ts';
import { planStore } from '../state/plan-store.ts';
import type { Action } from './action.ts';

/** Tasks of the plan that can be profiled. */
export const tasksOfPlan = (facts: Facts) => {
  const planned = plannedTasks(facts, planStore.getState());
  return facts.tasks.filter(
    (task) => planned.includes(task.handle) && task.error === null && task.items.calibration > 0,
  );
};

export const profileForPlan: Action = {
  id: 'profile-for-plan',
  label: 'Profile what the current plan needs',
  keywords: ['statistics', 'calibration', 'method'],
  menu: 'run',
  enabled: (facts) =>
    facts.connected &&
    isUsable(selectedModel(facts)) &&
    tasksOfPlan(facts).length > 0 &&
    !facts.jobs.some(({ kind }) => kind === 'profile'),
  perform: async ({ bridge, cache }, facts) => {
    const model = selectedModel(facts);
    if (model === null) return;
    const { method } = facts.selection;
    const { options, budget, protect } = planStore.getState();
    await bridge.call('profile.start', {
      ...{ model: model.handle, tasks: tasksOfPlan(facts).map((task) => task.handle), methods: [method] },
      ...{ options: optionsOf([method], options), budget, protect },
    });
    cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
  },
};
