import { answersOf } from '../../main/contract/task.ts';
import type { CallInput } from '../../main/contract/calls.ts';
import { clusterRequest, type ClusterRequest } from '../../main/contract/cluster.ts';
import { refuse } from '../../main/contract/errors.ts';
import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { type Bridge, saveText } from '../bridge/bridge.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { type Facts, focusedTask, isUsable, selectedModel, tickedTasks } from '../engine/facts.ts';
import { chatOf } from '../plan/chat.tsx';
import { currentPlanCall, plannedTasks } from '../plan/plan-input.ts';
import { clusterStore, sweepStore } from '../state/sweep-store.ts';
import { layoutStore } from '../state/layout-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { curvesStore } from '../state/view-stores.ts';
import { currentMaking, measureObstacle, planFile } from '../sweep/current-making.ts';
import { limitOf, ownCalibrationOf, samplingOf } from '../sweep/model-points.ts';
import { shownSweep } from '../sweep/shown-sweep.ts';
import { canCalibrateOnWritten, optionsOf, sweepInput, sweepObstacle } from '../sweep/sweep-plan.ts';
import type { Action } from './action.ts';
import { planOf } from './plan.ts';

/** The selected model and the other models ticked for the sweep. */
export const sweepModels = (facts: Facts) => {
  const { otherModels } = sweepStore.getState();
  const selected = selectedModel(facts);
  return facts.models
    .filter((model) => model === selected || otherModels.includes(model.handle))
    .filter((model) => isUsable(model));
};

/** Creates a run and submits it to the cluster; if the submission is refused, the run is removed. */
const submitSweep = async (
  bridge: Bridge,
  input: CallInput<'sweep.start'>,
  request: ClusterRequest | undefined,
): Promise<string> => {
  if (request === undefined)
    throw refuse('bad-value', 'A cluster field has an invalid value.', 'Correct the marked field.');
  const { run } = await bridge.call('sweep.start', { ...input, later: true });
  try {
    await bridge.call('cluster.submit', { run, request });
  } catch (error) {
    // A cancelled submission removes its run, too.
    await bridge.call('runs.remove', { run }, new AbortController().signal);
    throw error;
  }
  return run;
};

export const startSweep: Action = {
  id: 'start-sweep',
  label: 'Start sweep',
  keywords: ['evaluate', 'measure', 'curves', 'threshold', 'cluster', 'slurm', 'submit'],
  menu: 'run',
  shortcut: 'Mod+Enter',
  enabled: (facts) =>
    facts.connected &&
    sweepObstacle(sweepModels(facts), tickedTasks(facts), sweepStore.getState(), {
      ...facts.selection.plan,
      pages: facts.methods,
    }) === null,
  perform: async ({ bridge }, facts) => {
    const input = sweepInput(
      sweepModels(facts),
      tickedTasks(facts),
      sweepStore.getState(),
      facts.selection.plan,
      focusedTask(facts),
    );
    const { runsOn, request } = clusterStore.getState();
    const run =
      runsOn === 'here'
        ? (await bridge.call('sweep.start', input)).run
        : await submitSweep(bridge, input, clusterRequest.safeParse(request).data);
    selectionStore.getState().selectRun(run);
    curvesStore.setState({ delta: null });
    layoutStore.getState().show('workbench');
  },
};

/** How written answers of the tasks are drawn: as in the sweep shown. */
const samplingFor = (facts: Facts, tasks: readonly PathHandle[]): ReturnType<typeof samplingOf> =>
  facts.tasks.some((task) => tasks.includes(task.handle) && answersOf(task) === 'written')
    ? samplingOf(shownSweep(facts))
    : {};

/** Starts a sweep of the current plan as a file, because its method alone does not make it. */
const measureAsFile = async ({ bridge, cache }: Engine, facts: Facts, model: ModelEntry): Promise<void> => {
  const call = currentPlanCall(facts);
  if (call === null) return;
  const { plan } = await planOf(cache, call);
  const file = planFile(facts, plan);
  if (file === null) return;
  const { method, name, text } = file;
  const { limit, delta } = sweepStore.getState();
  await bridge.call('sweep.start', {
    models: [model.handle],
    tasks: [...plannedTasks(facts)],
    settings: {
      methods: [method],
      files: { [method]: { name, text } },
      // A plan of a file is measured at its own size.
      factors: [1],
      limit: limitOf(shownSweep(facts)) ?? limit,
      delta,
      ...samplingFor(facts, plannedTasks(facts)),
      chat: chatOf([model], facts.selection.plan.chat),
    },
  });
};

/**
 * Measures the plan on screen: a sweep of one point, with the unpruned model on the same items. If the method searches
 * for its plan, the same job runs the search. A plan that no method makes alone (with pins, counts by hand, for several
 * tasks, or from a file) is measured as a file.
 */
export const measurePlan: Action = {
  id: 'measure-plan',
  label: 'Measure the current plan',
  keywords: ['search', 'evaluate', 'accuracy', 'method', 'factor', 'now'],
  menu: 'run',
  shortcut: 'Mod+Shift+Enter',
  enabled: (facts) => facts.connected && measureObstacle(facts) === null,
  perform: async (engine, facts) => {
    const model = selectedModel(facts);
    const making = currentMaking(facts);
    if (model === null) return;
    if (making === null) return measureAsFile(engine, facts, model);
    const { method, factor, plan } = facts.selection;
    const { limit, delta } = sweepStore.getState();
    const planned = plannedTasks(facts);
    // Use the calibration of the points on the chart, which shows plans of one calibration only.
    const calibration = canCalibrateOnWritten(facts.tasks.filter((task) => planned.includes(task.handle)))
      ? ownCalibrationOf(shownSweep(facts))
      : undefined;
    await engine.bridge.call('sweep.start', {
      models: [model.handle],
      tasks: [...planned],
      settings: {
        methods: [method],
        factors: [1, factor],
        seeds: [plan.seed],
        budget: making.budget,
        protect: making.protect,
        gates: making.gates,
        options: optionsOf([method], plan.options),
        limit: limitOf(shownSweep(facts)) ?? limit,
        delta,
        calibration,
        ...samplingFor(facts, planned),
        chat: making.chat ? true : undefined,
      },
    });
  },
};

/** Only a finished sweep or search can be reproduced. */
export const isReproducible = (run: RunManifest | null): boolean =>
  (run?.kind === 'sweep' || run?.kind === 'fit') && run.state === 'done';

/** Runs a sweep or a search again from scratch. Progress shows in the jobs bar, the result under Runs. */
export const startReproduction = async ({ bridge }: Engine, run: string): Promise<void> => {
  await bridge.call('run.reproduce', { run });
};

export const reproduceSweep: Action = {
  id: 'reproduce-sweep',
  label: 'Reproduce the sweep',
  keywords: ['again', 'repeat', 'compare', 'match', 'sample'],
  menu: 'run',
  enabled: (facts) => facts.connected && isReproducible(shownSweep(facts)),
  perform: async (engine, facts) => {
    const sweep = shownSweep(facts);
    if (sweep !== null) await startReproduction(engine, sweep.id);
  },
};

export const saveReport: Action = {
  id: 'save-report',
  label: 'Save report of the sweep…',
  keywords: ['html', 'page', 'print', 'figures', 'thresholds', 'export'],
  menu: 'file',
  enabled: (facts) => facts.connected && shownSweep(facts) !== null,
  perform: async ({ bridge }, facts, signal) => {
    const sweep = shownSweep(facts);
    if (sweep === null) return;
    const { delta, familywise } = curvesStore.getState();
    const { name, html } = await bridge.call('report.make', { run: sweep.id, familywise, delta: delta ?? undefined });
    if (!signal.aborted) await saveText(bridge, name, html);
  },
};
