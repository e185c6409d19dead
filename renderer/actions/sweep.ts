import type { RunManifest } from '../../main/contract/run.ts';
import { listsRuns } from '../engine/apply-event.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { focusedTask, isUsable, selectedModel, tickedTasks } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { plannedTasks } from '../plan/plan-input.ts';
import { chatOf } from '../profile/chat.ts';
import { layoutStore } from '../state/layout-store.ts';
import { planStore } from '../state/plan-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import { curvesStore } from '../state/view-stores.ts';
import { shownSweep } from '../sweep/shown-sweep.ts';
import { optionsOf, sweepInput, sweepObstacle } from '../sweep/sweep-plan.ts';
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
    sweepObstacle(sweepModels(facts), tickedTasks(facts), sweepStore.getState(), {
      ...planStore.getState(),
      pages: facts.methods,
    }) === null,
  perform: async ({ bridge, cache }, facts) => {
    const input = sweepInput(
      sweepModels(facts),
      tickedTasks(facts),
      sweepStore.getState(),
      planStore.getState(),
      focusedTask(facts),
    );
    const { run } = await bridge.call('sweep.start', input);
    cache.invalidate(listsRuns);
    selectionStore.getState().selectRun(run);
    curvesStore.getState().chooseDelta(null);
    layoutStore.getState().show('curves');
  },
};

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
    const { options, seed, chat } = planStore.getState();
    const { limit, delta } = sweepStore.getState();
    const { run } = await bridge.call('sweep.start', {
      models: [model.handle],
      tasks: [...plannedTasks(facts, planStore.getState())],
      settings: {
        methods: [method],
        factors: [1, factor],
        seeds: [seed],
        options: optionsOf([method], options),
        limit,
        delta,
        chat: chatOf([model], chat),
      },
    });
    cache.invalidate(listsRuns);
    selectionStore.getState().selectRun(run);
    curvesStore.getState().chooseDelta(null);
    layoutStore.getState().show('curves');
  },
};

/** Only what is complete can be compared. */
export const isReproducible = (run: RunManifest | null): boolean => run?.kind === 'sweep' && run.state === 'done';

/** Starts the sweep once more from nothing; its progress shows in the jobs bar, its result under Runs. */
export const startReproduction = async ({ bridge, cache }: Engine, run: string): Promise<void> => {
  await bridge.call('run.reproduce', { run });
  cache.invalidate(listsRuns);
};

export const reproduceSweep: Action = {
  id: 'reproduce-sweep',
  label: 'Reproduce the sweep',
  keywords: ['again', 'repeat', 'compare', 'match', 'sample'],
  menu: 'run',
  enabled: ({ connected, runs, selection }) => connected && isReproducible(shownSweep(runs, selection.run)),
  perform: async (engine, { runs, selection }) => {
    const sweep = shownSweep(runs, selection.run);
    if (sweep !== null) await startReproduction(engine, sweep.id);
  },
};

export const saveReport: Action = {
  id: 'save-report',
  label: 'Save report of the sweep…',
  keywords: ['html', 'page', 'print', 'figures', 'thresholds', 'export'],
  menu: 'file',
  enabled: ({ connected, runs, selection }) => connected && shownSweep(runs, selection.run) !== null,
  perform: async ({ bridge }, { runs, selection }) => {
    const sweep = shownSweep(runs, selection.run);
    if (sweep === null) return;
    const { delta, familywise } = curvesStore.getState();
    const { name, html } = await bridge.call('report.make', { run: sweep.id, familywise, delta: delta ?? undefined });
    await bridge.saveFile({ suggestedName: name, bytes: new TextEncoder().encode(html) });
  },
};
