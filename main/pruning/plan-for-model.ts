import { refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import type { BudgetName, MethodName, Pin, Plan } from '../contract/plan.ts';
import { keepFromFactor } from './keep-from-factor.ts';
import { makePlan, methodScores } from './make-plan.ts';
import { requireNoConstants } from './validate-plan.ts';
import type { PlanInput } from './method.ts';
import { type Ranking, rankingScores } from './expert-files/ranking.ts';
import { keepByCounts } from './budget.ts';

/** The model of a plan, from its checkpoint. */
export interface PlannedModel {
  readonly name: string;
  readonly fingerprint: string;
  readonly info: ModelInfo;
}

/** Size of a plan: a factor, the kept experts of every layer, or those of each. Exactly one of the three. */
export interface RequestedSize {
  readonly factor?: number | undefined;
  readonly keep?: number | undefined;
  readonly counts?: readonly number[] | undefined;
}

/** A request for a plan (from command line, window or sweep): a method's choice among a model's experts. */
export interface PlanRequest extends Omit<PlanInput, 'layers' | 'experts' | 'topK' | 'groups' | 'keep'>, RequestedSize {
  /** Names of the tasks of the profiles in `statistics`, or of the plan's tasks. */
  readonly tasks: readonly string[];
}

/** A ranking and how much of it to keep. */
interface RankingOrder extends RequestedSize {
  readonly ranking: Ranking;
  readonly budget: BudgetName;
  readonly pins: readonly Pin[];
  /** Its name; absent: `ranking`. */
  readonly method?: MethodName | undefined;
  /** Names of the tasks that the plan is for. */
  readonly tasks?: readonly string[] | undefined;
}

/** Kept experts per layer (for counts: their mean). */
const requestedKeep = ({ factor, keep, counts }: RequestedSize, info: ModelInfo): number => {
  requireNoConstants(info);
  const { experts, topK } = info;
  const named = [factor, keep, counts].filter((value) => value !== undefined);
  if (named.length === 1 && factor !== undefined) return keepFromFactor(experts, topK, factor);
  if (named.length === 1 && keep !== undefined) return keep;
  if (named.length === 1 && counts !== undefined) {
    return Math.round(counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length));
  }
  throw refuse(
    'factor-or-keep',
    'A plan needs a factor or a number of kept experts (of all layers, or of each), and not both.',
    'Give one of them.',
  );
};

/** A plan with the model and the tasks that it was made for. */
export const signedPlan = (plan: Plan, { name, fingerprint }: PlannedModel, tasks: readonly string[]): Plan => {
  const signed: Plan = { ...plan, model: { name, fingerprint } };
  return tasks.length === 0 ? signed : { ...signed, tasks: [...tasks] };
};

const inputOf = ({ info }: PlannedModel, order: PlanRequest): PlanInput => ({
  ...order,
  layers: info.moeLayers,
  experts: info.experts,
  topK: info.topK,
  groups: info.expertGroups,
  keep: requestedKeep(order, info),
});

/**
 * The only way to a method's plan for a model: used by command line, window and sweeps.
 *
 * @throws WorkbenchError as `makePlan`; `factor-or-keep`, `factor-invalid`, `factor-too-large`.
 */
export const planForModel = (subject: PlannedModel, order: PlanRequest): Plan =>
  signedPlan(makePlan(inputOf(subject, order)), subject, order.tasks);

/** The scores behind such a plan, [L][E]. */
export const scoresForModel = (subject: PlannedModel, order: PlanRequest): readonly Float64Array[] =>
  methodScores(inputOf(subject, order));

/**
 * The plan that keeps the first experts of a ranking.
 *
 * @throws WorkbenchError as `planFromRanking`; `groups-uneven`, and as `planForModel` for the size.
 */
export const rankedPlanForModel = (subject: PlannedModel, order: RankingOrder): Plan => {
  const { experts, topK, expertGroups } = subject.info;
  if (expertGroups !== undefined) {
    throw refuse(
      'groups-uneven',
      `${subject.name} chooses experts in groups of equal size, which a ranking does not know.`,
      'Use a method, or a file that contains plans.',
    );
  }
  const { ranking, budget, counts, pins, method, tasks = [] } = order;
  const keep = requestedKeep(order, subject.info);
  return signedPlan(planFromRanking({ ranking, experts, topK, keep, budget, counts, pins, method }), subject, tasks);
};

interface RankingPlanInput extends Omit<RankingOrder, 'factor' | 'tasks'> {
  readonly experts: number;
  readonly topK: number;
  readonly keep: number;
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
