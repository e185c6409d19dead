import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { DropPlan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { keepByCounts } from '../pruning/budget.ts';
import { scoresForModel } from '../pruning/plan-for-model.ts';
import { type BudgetSearchSettings, searchBudgets } from '../pruning/search/search-budgets.ts';
import { isTextItem, profiledText } from '../tasks/task.ts';

export interface BudgetPlanRequest {
  readonly runner: ModelRunner;
  readonly statistics: RoutingStatistics;
  readonly calibration: readonly TaskItem[];
  readonly keep: number;
  readonly seed: number;
  readonly settings: BudgetSearchSettings;
  readonly signal: AbortSignal;
  readonly onProgress?: (measured: number, best: number) => void;
}

/**
 * The item with its right answer as the only choice, so that distributions are compared at the answer's tokens; a
 * prompt alone as a text.
 */
const atAnswer = (item: TaskItem): TaskItem => {
  if (isTextItem(item)) return item;
  const { id, context } = item;
  const answer = profiledText(item).slice(context.length);
  return answer === '' ? { id, text: context } : { id, context, choices: [answer], answer: 0 };
};

/**
 * Refuses a search over budgets where experts are chosen in groups.
 *
 * @throws WorkbenchError `groups-uneven`.
 */
export const requireNoGroups = ({ name, info }: Pick<Checkpoint, 'name' | 'info'>): void => {
  if (info.expertGroups === undefined) return;
  throw refuse(
    'groups-uneven',
    `The method evo-esap moves single experts between layers, and ${name} chooses them in groups of equal size.`,
    'Use a method that takes a number of experts to keep.',
  );
};

/**
 * The experts that EvoESAP keeps: the best of each layer by the scores of `order`, as many as the search finds by the
 * expected acceptance on the first calibration items.
 *
 * @throws WorkbenchError `groups-uneven`.
 */
export const budgetPlan = async (request: BudgetPlanRequest): Promise<Pick<DropPlan, 'kept'>> => {
  const { runner, statistics, calibration, keep, seed, settings, signal, onProgress } = request;
  const { checkpoint } = runner;
  requireNoGroups(checkpoint);
  const { moeLayers: layers, experts, topK } = checkpoint.info;
  const scores = scoresForModel(checkpoint, {
    method: settings.order,
    statistics: [statistics],
    keep,
    budget: 'uniform',
    pins: [],
    seed: 0,
    tasks: [],
  });
  const items = calibration.slice(0, settings.items).map(atAnswer);
  const keptBy = (counts: readonly number[]): number[][] => keepByCounts(scores, counts, []);
  const { counts } = await searchBudgets({
    layers,
    experts,
    keep,
    least: Math.max(1, topK),
    seed,
    settings,
    signal,
    ...(onProgress === undefined ? {} : { onProgress }),
    fitness: async (tried) => {
      const candidate = { key: 'candidate', plan: { kept: keptBy(tried) } };
      const control = { signal, fidelity: 'expected acceptance' };
      const outcomes = (await runner.evaluate(items, [candidate], control)).get('candidate') ?? [];
      const compared = outcomes.flatMap(({ fidelity }) => fidelity ?? []);
      const positions = compared.reduce((sum, own) => sum + own.positions, 0);
      return compared.reduce((sum, own) => sum + own.acceptance * own.positions, 0) / Math.max(1, positions);
    },
  });
  return { kept: keptBy(counts) };
};
