import type { BudgetName, MethodName, Pin, Plan } from '../contract/plan.ts';
import { keepByCounts } from './budget.ts';
import { refuse } from '../contract/errors.ts';
import { type Ranking, rankingScores } from './expert-files/ranking.ts';

export interface RankingPlanInput {
  readonly ranking: Ranking;
  readonly experts: number;
  readonly topK: number;
  readonly keep: number;
  readonly budget: BudgetName;
  /** Kept experts of each layer, for the budget `manual`. */
  readonly counts?: readonly number[] | undefined;
  readonly pins: readonly Pin[];
  /** The ranking's name; absent: `ranking`. */
  readonly method?: MethodName | undefined;
}

/**
 * The plan that keeps the first experts of an imported ranking. A ranking cannot be compared across layers, so its
 * budget is uniform or by hand.
 *
 * @throws WorkbenchError `budget-needs-scores` for the other budgets, `keep-invalid`, `counts-invalid`,
 * `pins-impossible`.
 */
export const planFromRanking = ({
  ranking,
  experts,
  topK,
  keep,
  budget,
  counts,
  pins,
  method = 'ranking',
}: RankingPlanInput): Plan => {
  const least = Math.max(1, topK);
  const wanted = budget === 'manual' ? (counts ?? []) : ranking.map(() => keep);
  if (budget !== 'uniform' && budget !== 'manual') {
    throw refuse(
      'budget-needs-scores',
      `The budget ${budget} compares layers, and a ranking orders experts only within each.`,
      'Use the budget uniform or manual.',
    );
  }
  if (
    wanted.length !== ranking.length ||
    !wanted.every((count) => Number.isInteger(count) && count >= least && count <= experts)
  ) {
    throw refuse(
      budget === 'manual' ? 'counts-invalid' : 'keep-invalid',
      `Cannot keep ${wanted.join(', ')} of ${experts} experts in ${ranking.length} layers: each token uses ` +
        `the top ${topK}.`,
      `Keep a whole number from ${least} to ${experts} in every layer.`,
    );
  }
  const kept = keepByCounts(rankingScores(ranking), wanted, pins);
  return {
    method,
    experts,
    topK,
    factor: (experts * kept.length) / kept.reduce((sum, layer) => sum + layer.length, 0),
    budget,
    ...(pins.length > 0 ? { pins: pins.map((pin) => ({ ...pin })) } : {}),
    kept,
  };
};
