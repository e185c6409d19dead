import { methodOfLabel } from '../../main/contract/method.ts';
import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import type { GatesName, MethodName, MethodOptions } from '../../main/contract/plan.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { isSameContent, UNHASHED } from '../../main/contract/recorded.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import type { Facts } from '../engine/facts.ts';
import { inputKey } from '../engine/query-cache.ts';
import { ignoresBudget } from '../plan/plan-input.ts';
import { type Brought, changedPlan, type PlanSettings, type PointKey } from '../state/selection.ts';
import { layoutStore } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { withoutDefaultOptimiser } from '../../main/contract/optimiser.ts';
import { titleList } from '../../main/words/task-titles.ts';
import { sweepSettings, type SweepSettings } from '../../main/contract/sweep.ts';
import { onceFor } from '../engine/once-for.ts';

/** How a plan was made, besides its method and factor. */
export interface PlanMaking {
  readonly budget: SweepSettings['budget'];
  readonly protect: SweepSettings['protect'];
  readonly gates: SweepSettings['gates'];
  readonly options: MethodOptions;
  readonly chat: boolean;
}

const settingsIn = onceFor((spec: RunManifest['spec']): SweepSettings | null => {
  const read = sweepSettings.safeParse(spec['settings'] ?? spec);
  return read.success ? read.data : null;
});

/** Settings recorded by a sweep; null if they cannot be read. */
export const sweepSettingsOf = ({ spec }: Pick<RunManifest, 'spec'>): SweepSettings | null => settingsIn(spec);

/** A model whose plans are made: its facts, where they are known. */
export interface PlannedEntry {
  readonly info?: ModelEntry['info'];
}

/** The gates of a model's plans: all the same where deleting experts does not change them. */
export const gatesThere = (model: PlannedEntry | null | undefined, gates: GatesName): GatesName =>
  model?.info?.gatesGrow === true ? gates : 'folded';

/** How a sweep made the plans of a method for a model. */
export const makingOf = (
  settings: SweepSettings,
  method: MethodName | null,
  model: PlannedEntry | null | undefined,
): PlanMaking => ({
  budget: method !== null && ignoresBudget(method) ? 'uniform' : settings.budget,
  protect: settings.protect,
  gates: gatesThere(model, settings.gates),
  options: withoutDefaultOptimiser((method === null ? undefined : settings.options[method]) ?? {}),
  chat: settings.chat === true,
});

type Known = Pick<Facts, 'models' | 'tasks' | 'runs' | 'methods' | 'selection'>;

/** A model's name in a run; null if it is not part of the run. */
export const nameInRun = (
  run: Pick<RunManifest, 'models'> | null,
  model: Pick<ModelEntry, 'fingerprint' | 'sha256'> | null,
): string | null =>
  model === null ? null : (run?.models.find((recorded) => isSameContent(recorded, model))?.name ?? null);

const modelsOf = (run: RunManifest, models: readonly ModelEntry[]): readonly ModelEntry[] =>
  run.models.flatMap((recorded) => models.find((model) => isSameContent(recorded, model)) ?? []);

const taskOf = (run: RunManifest, name: string, tasks: readonly TaskEntry[]): PathHandle | null => {
  const hash = run.tasks.find((task) => task.name === name)?.hash;
  return (
    (tasks.find((task) => task.name === name && task.hash === hash) ?? tasks.find((task) => task.name === name))
      ?.handle ?? null
  );
};

/**
 * Selection made by opening a run: a model and a task of it, unless the current ones already belong to it. Omits those
 * that are not open here.
 */
export const broughtByRun = ({ models, tasks, selection }: Known, run: RunManifest): Brought => {
  const handles = modelsOf(run, models).map(({ handle }) => handle);
  const ownTasks = run.tasks.flatMap(({ name }) => taskOf(run, name, tasks) ?? []);
  const [model] = handles;
  const [task] = ownTasks;
  const brought: { model?: PathHandle; task?: PathHandle } = {};
  if (model !== undefined && (selection.model === null || !handles.includes(selection.model))) brought.model = model;
  if (task !== undefined && (selection.task === null || !ownTasks.includes(selection.task))) brought.task = task;
  return brought;
};

/** Says that views stay with another model, where none of the run's models is on the shelf as it was measured. */
const tellMissingModels = ({ models, selection }: Known, run: RunManifest): void => {
  const recorded = run.models.filter(({ fingerprint }) => fingerprint !== UNHASHED);
  const isMissing = recorded.length > 0 && models.length > 0 && modelsOf(run, models).length === 0;
  if (!isMissing) return;
  const shown = models.find(({ handle }) => handle === selection.model)?.name;
  noticesStore
    .getState()
    .tell(
      `${titleList(recorded.map(({ name }) => name))} of this run ${recorded.length === 1 ? 'is' : 'are'} not on the ` +
        `list of models, or changed since.${shown === undefined ? '' : ` Views stay with ${shown}.`}`,
      `Open ${recorded.map(({ path }) => path).join(', ')}.`,
    );
};

/** Selects what opening a run brings, and says where views cannot follow; `sweep`: the sweep selected then. */
export const selectOpened = (facts: Known, run: RunManifest, sweep: string | null = run.id): void => {
  selectionStore.getState().selectRun(sweep, broughtByRun(facts, run));
  tellMissingModels(facts, run);
};

/** Plan settings of a point where they differ from the current settings; null if they do not. */
const planOfPoint = (
  plan: PlanSettings,
  run: RunManifest,
  model: ModelEntry | undefined,
  method: MethodName,
  seed: number | null,
) => {
  const settings = sweepSettingsOf(run);
  if (settings === null) return null;
  const { budget, protect, gates, options, chat } = makingOf(settings, method, model);
  const unchanged = inputKey(plan.options[method] ?? {}) === inputKey(options) ? plan.options : null;
  const made = changedPlan(plan, {
    budget: ignoresBudget(method) ? plan.budget : budget,
    protect,
    gates,
    chat,
    options: unchanged ?? { ...plan.options, [method]: options },
    seed: seed ?? plan.seed,
    // A sweep makes its plans for each task separately, and by methods.
    madeFor: 'task',
    imported: null,
  });
  return made === plan ? null : made;
};

/**
 * Selection made by choosing a point: its model, task, factor and (if it is one that can make plans) method, with the
 * settings of its plan.
 */
export const broughtByPoint = ({ models, tasks, runs, methods, selection }: Known, point: PointKey): Brought => {
  const run = runs.find(({ id }) => id === point.run);
  const brought: { -readonly [K in keyof Brought]: Brought[K] } = {};
  const recorded = run?.models.find(({ name }) => name === point.model);
  const model = recorded === undefined ? undefined : models.find((known) => isSameContent(recorded, known));
  if (run !== undefined) {
    if (model !== undefined) brought.model = model.handle;
    const task = taskOf(run, point.task, tasks);
    if (task !== null) brought.task = task;
  }
  const { method } = methodOfLabel(point.method);
  // A file used as a method of the sweep is not a method of the workbench, whatever its name.
  const isMethod = method !== null && (methods.length === 0 || methods.some(({ name }) => name === method));
  if (point.factor <= 1 || !isMethod) return brought;
  const plan = run === undefined ? null : planOfPoint(selection.plan, run, model, method, point.seed);
  return { ...brought, method, factor: point.factor, ...(plan === null ? {} : { plan }) };
};

/** Selects a point of a chart, and opens the panel with its numbers. */
export const showPoint = (facts: Known, point: PointKey): void => {
  selectionStore.getState().selectPoint(point, broughtByPoint(facts, point));
  layoutStore.setState({ inspectorOpen: true });
};
