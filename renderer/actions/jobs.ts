import type { RunManifest } from '../../main/contract/run.ts';
import { listsRuns } from '../engine/apply-event.ts';
import { focusedTask, isUsable, selectedModel, tickedTasks } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { plannedTasks } from '../plan/plan-input.ts';
import { chatOf } from '../profile/chat.ts';
import { planStore } from '../state/plan-store.ts';
import { optionsOf } from '../sweep/sweep-plan.ts';
import type { Action } from './action.ts';

/** Ticked tasks that have calibration items; where none is ticked, the task in focus. */
const tasksToProfile = (facts: Facts) => {
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
      chat: chatOf([model], planStore.getState().chat),
    });
    cache.invalidate(listsRuns);
  },
};

/** The task in focus, where it is not among those that are profiled together. */
export const profileFocused: Action = {
  id: 'profile-focused',
  label: 'Profile the task in focus',
  keywords: ['routing', 'statistics', 'heatmap', 'calibration'],
  menu: 'run',
  enabled: (facts) =>
    facts.connected && isUsable(selectedModel(facts)) && (focusedTask(facts)?.items.calibration ?? 0) > 0,
  perform: async ({ bridge, cache }, facts) => {
    const [model, task] = [selectedModel(facts), focusedTask(facts)];
    if (model === null || task === null) return;
    await bridge.call('profile.start', {
      model: model.handle,
      tasks: [task.handle],
      chat: chatOf([model], planStore.getState().chat),
    });
    cache.invalidate(listsRuns);
  },
};

/** Whether a job profiles the selected model on the task in focus. */
export const isProfiling = (facts: Facts): boolean => {
  const [model, task] = [selectedModel(facts), focusedTask(facts)];
  return facts.jobs.some(({ kind, run }) => {
    const manifest = facts.runs.find(({ id }) => id === run);
    return (
      kind === 'profile' &&
      (manifest === undefined ||
        (manifest.models.some(({ fingerprint }) => fingerprint === model?.fingerprint) &&
          manifest.tasks.some(({ name }) => name === task?.name)))
    );
  });
};

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
    const { options, budget, protect, chat } = planStore.getState();
    await bridge.call('profile.start', {
      model: model.handle,
      tasks: tasksOfPlan(facts).map((task) => task.handle),
      methods: [method],
      options: optionsOf([method], options),
      budget,
      protect,
      chat: chatOf([model], chat),
    });
    cache.invalidate(listsRuns);
  },
};

export const cancelJob: Action = {
  id: 'cancel-job',
  label: 'Cancel the running job',
  keywords: ['stop', 'abort'],
  menu: 'run',
  shortcut: 'Mod+.',
  inDialogs: true,
  enabled: ({ connected, jobs }) => connected && jobs.length > 0,
  perform: async ({ bridge }, { jobs }) => {
    const [first] = jobs;
    if (first !== undefined) await bridge.call('jobs.cancel', { run: first.run });
  },
};

export const isResumable = (run: RunManifest): boolean =>
  run.state === 'interrupted' || run.state === 'cancelled' || run.state === 'failed';

/** The newest run that was left unfinished. */
export const unfinishedRun = (runs: readonly RunManifest[]): RunManifest | null =>
  runs
    .filter((run) => run.state === 'interrupted' || run.state === 'cancelled')
    .reduce<RunManifest | null>(
      (newest, run) => (newest === null || run.createdAt > newest.createdAt ? run : newest),
      null,
    );

export const resumeRun: Action = {
  id: 'resume-run',
  label: 'Resume the last unfinished run',
  keywords: ['continue', 'interrupted', 'cancelled'],
  menu: 'run',
  shortcut: 'Mod+Shift+R',
  enabled: ({ connected, runs, jobs }) => connected && jobs.length === 0 && unfinishedRun(runs) !== null,
  perform: async ({ bridge, cache }, { runs }) => {
    const run = unfinishedRun(runs);
    if (run === null) return;
    await bridge.call('jobs.resume', { run: run.id });
    cache.invalidate(listsRuns);
  },
};
