import type { CallInput } from '../../../main/contract/calls.ts';
import type { ModelEntry, PathHandle } from '../../../main/contract/model.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import type { PlanState } from '../../state/plan-store.ts';
import { keptAtFactor } from './kept-counts.ts';

export type PlanSettings = Pick<
  PlanState,
  'budget' | 'counts' | 'seed' | 'options' | 'protect' | 'pins' | 'taskWeights'
> & {
  readonly method: MethodName;
  readonly factor: number;
};

/** Kept experts of every layer under the budget `manual`: as edited, or all alike where nothing was edited. */
export const countsByLayer = (
  { handle, info }: ModelEntry,
  { counts, factor }: Pick<PlanSettings, 'counts' | 'factor'>,
): readonly number[] => {
  if (info === null) return [];
  if (counts?.model === handle && counts.factor === factor && counts.values.length === info.moeLayers)
    return counts.values;
  return Array.from({ length: info.moeLayers }, () => keptAtFactor(info, factor));
};

/** How many experts stay, as a request says it: in every layer, or in each. */
export const keptInput = (
  model: ModelEntry,
  settings: Pick<PlanSettings, 'budget' | 'counts' | 'factor'>,
): { keep: number } | { counts: number[] } =>
  settings.budget === 'manual'
    ? { counts: [...countsByLayer(model, settings)] }
    : { keep: model.info === null ? 1 : keptAtFactor(model.info, settings.factor) };

/** Whether the method's own rule decides how many experts each layer keeps. */
export const ignoresBudget = (method: MethodName): boolean => method === 'tsep';

/** The `plan.make` request for a model; null where there is no model to plan for, or no task to plan with. */
export const planInput = (
  model: ModelEntry | null,
  tasks: readonly PathHandle[],
  settings: PlanSettings,
): CallInput<'plan.make'> | null => {
  if (model?.info === null || model === null || tasks.length === 0) return null;
  const { method, seed, options, protect } = settings;
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
    ...(seed === 0 ? {} : { seed }),
    ...(Object.keys(given).length === 0 ? {} : { options: { ...given } }),
    ...(protect === 'none' ? {} : { protect }),
    ...(pins.length === 0 ? {} : { pins: pins.map((pin) => ({ ...pin })) }),
    ...(tasks.length === 1 || weights.every((weight) => weight === 1) ? {} : { taskWeights: weights }),
  };
};
