import { refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import type { BudgetName, MethodName, Pin, Plan } from '../contract/plan.ts';
import { keepFromFactor } from './keep-from-factor.ts';
import { makePlan, methodScores } from './make-plan.ts';
import { requireNoConstants } from './validate-plan.ts';
import type { PlanInput } from './method.ts';
import { planFromRanking } from './plan-from-ranking.ts';
import type { Ranking } from './expert-files/ranking.ts';

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
export interface RankingOrder extends RequestedSize {
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

const inputOf = ({ info }: PlannedModel, order: PlanRequest): PlanInput => {
  const { method, options, statistics, taskWeights, budget, counts, pins, protect, seed } = order;
  return {
    method,
    options,
    statistics,
    taskWeights,
    layers: info.moeLayers,
    experts: info.experts,
    topK: info.topK,
    groups: info.expertGroups,
    keep: requestedKeep(order, info),
    budget,
    counts,
    pins,
    protect,
    seed,
  };
};

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
