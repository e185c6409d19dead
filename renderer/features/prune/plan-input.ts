import type { CallInput } from '../../../main/contract/calls.ts';
import type { ModelEntry, PathHandle } from '../../../main/contract/model.ts';
import type { BudgetName, MethodName, UncurlOptions } from '../../../main/contract/plan.ts';
import { keptAtFactor } from './kept-counts.ts';

export interface PlanSettings {
  readonly method: MethodName;
  readonly factor: number;
  readonly budget: BudgetName;
  readonly seed: number;
  readonly uncurl: UncurlOptions;
}

/** The `plan.make` request for a model; null where there is no model to plan for, or no task to plan with. */
export const planInput = (
  model: ModelEntry | null,
  tasks: readonly PathHandle[],
  { method, factor, budget, seed, uncurl }: PlanSettings,
): CallInput<'plan.make'> | null => {
  if (model?.info === null || model === null || tasks.length === 0) return null;
  return {
    model: model.handle,
    tasks: [...tasks],
    method,
    keep: keptAtFactor(model.info, factor),
    // Merging clusters within a layer has no scores to compete with across layers.
    budget: method === 'uncurl' ? 'uniform' : budget,
    ...(method === 'random' ? { seed } : {}),
    ...(method === 'uncurl' ? { uncurl: { ...uncurl } } : {}),
  };
};
