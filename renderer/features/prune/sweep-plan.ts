import type { CallInput } from '../../../main/contract/calls.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { MethodName, UncurlOptions } from '../../../main/contract/plan.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { standardFactors } from './kept-counts.ts';

export interface SweepSettingsChosen {
  readonly methods: readonly MethodName[];
  readonly skippedFactors: readonly number[];
  readonly seeds: number;
  readonly adaptive: boolean;
  readonly limit: number | null;
  readonly delta: number;
  readonly uncurl: UncurlOptions;
}

/** Factors that every one of the models can be pruned by; a factor too large for one of them would be refused. */
export const commonFactors = (models: readonly ModelEntry[]): readonly number[] => {
  const lists = models.flatMap((model) => (model.info === null ? [] : [standardFactors(model.info)]));
  const [first = [], ...others] = lists;
  return first.filter((factor) => others.every((list) => list.includes(factor)));
};

export const chosenFactors = (models: readonly ModelEntry[], skipped: readonly number[]): readonly number[] =>
  commonFactors(models).filter((factor) => factor === 1 || !skipped.includes(factor));

export interface SweepCost {
  /** Pruned candidates of one model on one task. */
  readonly candidatesPerTask: number;
  /** Plans to measure in all: per model and task, and the unpruned models. */
  readonly evaluations: number;
  /** Test items scored in all. */
  readonly itemEvaluations: number;
}

/** What a sweep measures before it may add adaptive factors. */
export const sweepCost = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: Pick<SweepSettingsChosen, 'methods' | 'skippedFactors' | 'seeds' | 'limit'>,
): SweepCost => {
  const pruned = chosenFactors(models, settings.skippedFactors).filter((factor) => factor > 1).length;
  const draws = settings.methods.reduce((sum, method) => sum + (method === 'random' ? settings.seeds : 1), 0);
  const candidatesPerTask = pruned * draws;
  const items = tasks.reduce((sum, task) => sum + Math.min(task.items.test, settings.limit ?? Infinity), 0);
  return {
    candidatesPerTask,
    evaluations: models.length * tasks.length * (candidatesPerTask + 1),
    itemEvaluations: models.length * items * (candidatesPerTask + 1),
  };
};

/** Why a sweep cannot start; null where it can. */
export const sweepObstacle = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: Pick<SweepSettingsChosen, 'methods' | 'skippedFactors'>,
): string | null => {
  if (models.length === 0) return 'Select a model on the left.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  if (settings.methods.length === 0) return 'Tick at least one method.';
  if (!chosenFactors(models, settings.skippedFactors).some((factor) => factor > 1)) return 'Tick at least one factor above 1.';
  const unprofiled = settings.methods.some((method) => method !== 'random')
    ? tasks.filter((task) => task.items.calibration === 0)
    : [];
  return unprofiled.length === 0
    ? null
    : `${unprofiled.map((task) => task.title).join(', ')}: no calibration items, so only Random can be planned. Untick the task or the other methods.`;
};

export const sweepInput = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  { methods, skippedFactors, seeds, adaptive, limit, delta, uncurl }: SweepSettingsChosen,
): CallInput<'sweep.start'> => ({
  models: models.map((model) => model.handle),
  tasks: tasks.map((task) => task.handle),
  settings: {
    methods: [...methods],
    factors: [...chosenFactors(models, skippedFactors)],
    adaptive,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    uncurl: { ...uncurl },
    delta,
    limit,
  },
});
