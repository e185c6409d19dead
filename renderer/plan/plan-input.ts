import type { CallInput } from '../../main/contract/calls.ts';
import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import { type Facts, selectedModel, tickedTasks } from '../engine/facts.ts';
import { chatOf } from './chat.tsx';
import type { ImportedFile, PlanSettings, Selection } from '../state/selection.ts';
import { keptAtFactor } from '../../main/contract/keep-from-factor.ts';

type AskedPlan = Pick<
  PlanSettings,
  'budget' | 'counts' | 'seed' | 'options' | 'protect' | 'gates' | 'chat' | 'taskWeights'
> &
  Pick<Selection, 'method' | 'factor' | 'pins'>;

/** Kept experts of each layer under the budget `manual`: as edited, or the same in all layers if nothing was edited. */
export const countsByLayer = (
  { handle, info }: ModelEntry,
  { counts, factor }: Pick<AskedPlan, 'counts' | 'factor'>,
): readonly number[] => {
  if (info === null) return [];
  if (counts?.model === handle && counts.factor === factor && counts.values.length === info.moeLayers)
    return counts.values;
  return Array.from({ length: info.moeLayers }, () => keptAtFactor(info, factor));
};

/** Number of experts to keep, as requests state it: one for all layers, or one per layer. */
const keptInput = (
  model: ModelEntry,
  settings: Pick<AskedPlan, 'budget' | 'counts' | 'factor'>,
): { keep: number } | { counts: number[] } =>
  settings.budget === 'manual'
    ? { counts: [...countsByLayer(model, settings)] }
    : { keep: model.info === null ? 1 : keptAtFactor(model.info, settings.factor) };

/** Whether the method itself decides how many experts each layer keeps. */
export const ignoresBudget = (method: MethodName): boolean => method === 'tsep';

/** Whether a budget reads calibration items, whatever the method. */
export const asksItems = (budget: PlanSettings['budget']): boolean =>
  budget === 'inverse-importance' || budget === 'measured';

/** The `plan.make` request for a model; null if there is no model or no task to plan with. */
export const planInput = (
  model: ModelEntry | null,
  tasks: readonly PathHandle[],
  settings: AskedPlan,
): CallInput<'plan.make'> | null => {
  if (model?.info === null || model === null || tasks.length === 0) return null;
  const { method, seed, options, protect, gates } = settings;
  const budget = ignoresBudget(method) ? 'uniform' : settings.budget;
  const given = options[method] ?? {};
  const pins = settings.pins[model.handle] ?? [];
  const weights = tasks.map((task) => settings.taskWeights[task] ?? 1);
  return {
    model: model.handle,
    tasks: [...tasks],
    method,
    ...keptInput(model, { ...settings, budget }),
    budget,
    seed: seed === 0 ? undefined : seed,
    options: Object.keys(given).length === 0 ? undefined : { ...given },
    protect: protect === 'none' ? undefined : protect,
    gates: gates === 'folded' ? undefined : gates,
    chat: chatOf([model], settings.chat),
    pins: pins.length === 0 ? undefined : pins.map((pin) => ({ ...pin })),
    taskWeights: tasks.length === 1 || weights.every((weight) => weight === 1) ? undefined : weights,
  };
};

/** The tasks that the current plan is made for. */
export const plannedTasks = (facts: Facts): readonly PathHandle[] => {
  if (facts.selection.plan.madeFor === 'ticked') return tickedTasks(facts).map((task) => task.handle);
  return facts.selection.task === null ? [] : [facts.selection.task];
};

/** The imported file, if it was read for the current model. */
export const shownImport = ({ selection: { model, plan } }: Pick<Facts, 'selection'>): ImportedFile | null =>
  plan.imported?.model === model ? plan.imported : null;

/** The `plan.make` request of the current budget and tasks, by this method and factor. */
export const planInputBy = (
  facts: Facts,
  { method, factor }: Pick<Selection, 'method' | 'factor'>,
): CallInput<'plan.make'> | null => {
  const { plan, pins } = facts.selection;
  return planInput(selectedModel(facts), plannedTasks(facts), { ...plan, method, factor, pins });
};

type PlanCall =
  | { readonly call: 'plan.make'; readonly input: CallInput<'plan.make'> }
  | { readonly call: 'plan.import'; readonly input: CallInput<'plan.import'> };

/** The call that returns the current plan: made by the method, or read from an imported file. */
export const currentPlanCall = (facts: Facts): PlanCall | null => {
  const { plan, factor, pins: pinned } = facts.selection;
  const imported = shownImport(facts);
  const model = selectedModel(facts);
  if (imported === null || model?.info === null || model === null) {
    const input = planInputBy(facts, facts.selection);
    return input === null ? null : { call: 'plan.make', input };
  }
  const { text, name, kind } = imported;
  const file = { model: model.handle, text, name };
  if (kind === 'plan') return { call: 'plan.import', input: file };
  const budget = plan.budget === 'manual' ? ('manual' as const) : ('uniform' as const);
  const kept = keptInput(model, { ...plan, budget, factor });
  const pins = (pinned[model.handle] ?? []).map((pin) => ({ ...pin }));
  return { call: 'plan.import', input: { ...file, ...kept, pins } };
};
