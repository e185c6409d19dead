import type { CallInput } from '../../main/contract/calls.ts';
import { serialiseError } from '../../main/contract/errors.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import { byNewest, type RunManifest } from '../../main/contract/run.ts';
import { isSameContent } from '../../main/contract/recorded.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { type Facts, focusedTask, isUsable, selectedModel, tickedTasks } from '../engine/facts.ts';
import { plannedTasks } from '../plan/plan-input.ts';
import { chatOf } from '../plan/chat.tsx';
import { strangeRunStore } from '../state/dialog-stores.ts';
import { selectionStore } from '../state/selection-store.ts';
import { optionsOf } from '../sweep/sweep-plan.ts';
import type { Action } from './action.ts';

/** Ticked tasks with calibration items; if none is ticked, the task in focus. */
const tasksToProfile = (facts: Facts) => {
  const ticked = tickedTasks(facts);
  const tasks = ticked.length > 0 ? ticked : facts.tasks.filter((task) => task.handle === facts.selection.task);
  return tasks.filter((task) => task.error === null && task.items.calibration > 0);
};

/**
 * Starts profiling a model on tasks, with the plan's prompt settings; `more` adds what the given methods need. Keeps
 * which tokens went where, for the panel of an expert.
 */
export const startProfile = async (
  { bridge }: Pick<Engine, 'bridge'>,
  model: ModelEntry,
  tasks: readonly TaskEntry[],
  more: Omit<CallInput<'profile.start'>, 'model' | 'tasks' | 'chat'> = {},
): Promise<void> => {
  const chat = chatOf([model], selectionStore.getState().plan.chat);
  await bridge.call('profile.start', {
    inspect: ['choices'],
    ...more,
    model: model.handle,
    tasks: tasks.map(({ handle }) => handle),
    chat,
  });
};

export const profileTasks: Action = {
  id: 'profile-tasks',
  label: 'Profile ticked tasks',
  keywords: ['routing', 'statistics', 'heatmap', 'calibration'],
  menu: 'run',
  shortcut: 'Mod+Shift+P',
  enabled: (facts) => facts.connected && isUsable(selectedModel(facts)) && tasksToProfile(facts).length > 0,
  perform: async (engine, facts) => {
    const model = selectedModel(facts);
    if (model !== null) await startProfile(engine, model, tasksToProfile(facts));
  },
};

/** Profiles the task in focus, even if other tasks are ticked. */
export const profileFocused: Action = {
  id: 'profile-focused',
  label: 'Profile the task in focus',
  keywords: ['routing', 'statistics', 'heatmap', 'calibration'],
  menu: 'run',
  enabled: (facts) =>
    facts.connected && isUsable(selectedModel(facts)) && (focusedTask(facts)?.items.calibration ?? 0) > 0,
  perform: async (engine, facts) => {
    const [model, task] = [selectedModel(facts), focusedTask(facts)];
    if (model !== null && task !== null) await startProfile(engine, model, [task]);
  },
};

export const isProfiling = (facts: Facts): boolean => {
  const [model, task] = [selectedModel(facts), focusedTask(facts)];
  return facts.jobs.some(({ kind, run }) => {
    const manifest = facts.runs.find(({ id }) => id === run);
    return (
      kind === 'profile' &&
      (manifest === undefined ||
        (manifest.models.some((recorded) => model !== null && isSameContent(recorded, model)) &&
          manifest.tasks.some(({ name }) => name === task?.name)))
    );
  });
};

/** Tasks of the plan that can be profiled. */
export const tasksOfPlan = (facts: Facts) => {
  const planned = plannedTasks(facts);
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
  perform: async (engine, facts) => {
    const model = selectedModel(facts);
    if (model === null) return;
    const { method, plan } = facts.selection;
    const { options, budget, protect } = plan;
    const needs = { methods: [method], options: optionsOf([method], options), budget, protect };
    await startProfile(engine, model, tasksOfPlan(facts), needs);
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

/** The newest unfinished run; one that was still waiting for its turn only where there is no other. */
export const unfinishedRun = (runs: readonly RunManifest[]): RunManifest | null => {
  const unfinished = runs.filter((run) => run.state === 'interrupted' || run.state === 'cancelled');
  const begun = unfinished.filter(({ waited }) => waited !== true);
  const [newest] = (begun.length > 0 ? begun : unfinished).toSorted(byNewest);
  return newest ?? null;
};

/** Resumes a run. A run made elsewhere is first shown for confirmation, with everything it refers to. */
export const resume = async ({ bridge }: Pick<Engine, 'bridge'>, run: string): Promise<void> => {
  try {
    await bridge.call('jobs.resume', { run });
  } catch (error) {
    if (serialiseError(error).code !== 'made-elsewhere') throw error;
    strangeRunStore.getState().show(run);
  }
};

export const resumeRun: Action = {
  id: 'resume-run',
  label: 'Resume the last unfinished run',
  keywords: ['continue', 'interrupted', 'cancelled'],
  menu: 'run',
  shortcut: 'Mod+Shift+R',
  enabled: ({ connected, runs, jobs }) => connected && jobs.length === 0 && unfinishedRun(runs) !== null,
  perform: async (engine, { runs }) => {
    const run = unfinishedRun(runs);
    if (run !== null) await resume(engine, run.id);
  },
};
