import { isUsable, selectedModel, tickedTasks } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import type { Action } from './action.ts';

/** Ticked tasks that have calibration items; where none is ticked, the task in focus. */
export const tasksToProfile = (facts: Facts) => {
  const ticked = tickedTasks(facts);
  const tasks = ticked.length > 0 ? ticked : facts.tasks.filter((task) => task.handle === facts.selection.task);
  return tasks.filter((task) => task.error === null && task.items.calibration > 0);
};

export const profileTasks: Action = {
  id: 'profile-tasks',
  label: 'Profile ticked tasks',
  keywords: ['routing', 'statistics', 'heatmap', 'calibration'],
  menu: 'run',
  shortcut: 'Mod+Shift+P',
  enabled: (facts) => facts.connected && isUsable(selectedModel(facts)) && tasksToProfile(facts).length > 0,
  perform: async ({ bridge, cache }, facts) => {
    const model = selectedModel(facts);
    if (model === null) return;
    await bridge.call('profile.start', {
      model: model.handle,
      tasks: tasksToProfile(facts).map((task) => task.handle),
    });
    cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
  },
};
