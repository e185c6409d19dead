import { refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import type { BudgetName, MethodName, Pin, Plan } from '../contract/plan.ts';
import { keepFromFactor } from './keep-from-factor.ts';
import { makePlan } from './make-plan.ts';
import { requireNoConstants } from './validate-plan.ts';
import type { PlanInput } from './method.ts';
import { planFromRanking } from './plan-from-ranking.ts';
import type { Ranking } from './expert-files/ranking.ts';

/** The model that a plan is for, as its checkpoint tells. */
export interface PlanSubject {
  readonly name: string;
  readonly fingerprint: string;
  readonly info: ModelInfo;
}

/** How much a plan keeps: by factor, by kept experts of every layer, or by those of each. Exactly one of the three. */
export interface RequestedSize {
  readonly factor?: number | undefined;
  readonly keep?: number | undefined;
  readonly counts?: readonly number[] | undefined;
}

/** Whatever asks for a plan (command line, window, sweep): a method's choice among a model's experts. */
export interface PlanOrder extends Omit<PlanInput, 'layers' | 'experts' | 'topK' | 'groups' | 'keep'>, RequestedSize {
  /** Names of the tasks whose profiles `statistics` holds, or that the plan is for. */
  readonly tasks: readonly string[];
}

/** A ranking and what to keep of it. */
export interface RankingOrder extends RequestedSize {
  readonly ranking: Ranking;
  readonly budget: BudgetName;
  readonly pins: readonly Pin[];
  /** What it is called; absent: `ranking`. */
  readonly method?: MethodName | undefined;
  /** Names of the tasks that the plan is for. */
  readonly tasks?: readonly string[] | undefined;
}

/** Kept experts per layer (by counts: their mean). */
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

/** A plan that says which model and which tasks it was made for. */
export const signedPlan = (plan: Plan, { name, fingerprint }: PlanSubject, tasks: readonly string[]): Plan => {
  const signed: Plan = { ...plan, model: { name, fingerprint } };
  return tasks.length === 0 ? signed : { ...signed, tasks: [...tasks] };
};

/**
 * The one way to a method's plan for a model: command line, window and sweeps all come here.
 *
 * @throws WorkbenchError as `makePlan`; `factor-or-keep`, `factor-invalid`, `factor-too-large`.
 */
export const planForModel = (subject: PlanSubject, order: PlanOrder): Plan => {
  const { info } = subject;
  const { method, options, statistics, taskWeights, budget, counts, pins, protect, seed, tasks } = order;
  const made = makePlan({
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
  });
  return signedPlan(made, subject, tasks);
};

/**
 * The plan that keeps what a ranking names first.
 *
 * @throws WorkbenchError as `planFromRanking`; `groups-uneven`, and as `planForModel` for the size.
 */
export const rankedPlanForModel = (subject: PlanSubject, order: RankingOrder): Plan => {
  const { experts, topK, expertGroups } = subject.info;
  if (expertGroups !== undefined) {
    throw refuse(
      'groups-uneven',
      `${subject.name} chooses experts in groups of equal size, which a ranking does not know.`,
      'Use a method, or a file that holds plans.',
    );
  }
  const { ranking, budget, counts, pins, method, tasks = [] } = order;
  const keep = requestedKeep(order, subject.info);
  return signedPlan(planFromRanking({ ranking, experts, topK, keep, budget, counts, pins, method }), subject, tasks);
};
