import { refuse } from '../contract/errors.ts';
import type { ExpertGroupRule, ModelInfo } from '../contract/model.ts';
import type { BudgetName, MergePlan, MethodName, Pin, Plan } from '../contract/plan.ts';
import { keepByCounts, pinsByLayer } from './budget.ts';
import { type Ranking, rankingScores } from './expert-files/routed-experts.ts';
import { checkGroupedCounts, groupProblem } from './expert-groups.ts';
import { keepFromFactor } from '../contract/keep-from-factor.ts';
import { layerCounts } from './layer-counts.ts';
import type { DropBehaviour, MergeBehaviour, Method, MethodOptions, PlanContext, PlanInput } from './method.ts';
import { methodNamed } from './methods.ts';
import { superExpertPins } from './saliency.ts';
import { requireNoConstants } from './validate-plan.ts';
import { largestPeaks, layerRow, requireStatistic, taskShares } from './weighed-profiles.ts';

/** A checked request for a plan. */
interface PreparedPlan {
  readonly method: Method;
  readonly context: PlanContext;
  readonly options: MethodOptions;
  readonly behaviour: DropBehaviour | MergeBehaviour;
  readonly draws: boolean;
}

const prepared = (input: PlanInput): PreparedPlan => {
  const method = methodNamed(input.method);
  checkKeep(input);
  if (method.needs === 'routing') checkStatistics(input);
  const { layers, experts, topK, keep, seed, statistics, taskWeights } = input;
  const { options, behaviour, draws } = method.prepare(input.options ?? {});
  if (behaviour.kind === 'search') {
    throw refuse(
      'needs-search',
      method.needs === 'fit'
        ? `The method ${method.name} searches or fits on calibration items before it has a plan.`
        : `The method ${method.name} measures many candidates before it has a plan.`,
      'Run it in a sweep, and take the plan of the point that you want.',
    );
  }
  const context: PlanContext = {
    statistics,
    taskShares: taskShares(taskWeights, statistics.length),
    layers,
    experts,
    topK,
    keep,
    pins: [...input.pins, ...protectivePins(input)],
    get seed() {
      if (!draws) throw new Error(`the method ${method.name} reads a seed, and its page does not say that it draws`);
      return seed;
    },
  };
  return { method, context, options, behaviour, draws };
};

/** E / kept experts, on average over the layers. */
const reachedFactor = (experts: number, counts: readonly number[]): number =>
  (experts * counts.length) / counts.reduce((sum, count) => sum + count, 0);

const chosenExperts = (
  { choose }: DropBehaviour,
  context: PlanContext,
  scores: readonly Float64Array[],
  counts: readonly number[],
  groups: ExpertGroupRule | undefined,
): number[][] => {
  const kept = keepByCounts(scores, counts, context.pins, groups);
  // A choice of whole sets ignores groups: there the scores decide within each group.
  if (choose === undefined || groups !== undefined) return kept;
  const pinned = pinsByLayer(context.pins, context.layers, context.experts);
  return kept.map((ranked, layer) => {
    const { stay, go } = pinned[layer]!;
    return (stay.size + go.size === 0 ? choose(context, layer, counts[layer]!) : null) ?? ranked;
  });
};

/** The plan's kept experts, where a grouped router can choose among them. */
const withinGroups = (kept: number[][], { method, experts, topK, groups }: PlanInput): number[][] => {
  if (groups === undefined) return kept;
  kept.forEach((layerKept, layer) => {
    const problem = groupProblem(layerKept, layer, experts, topK, groups);
    if (problem !== null)
      throw refuse(
        'groups-uneven',
        `The method ${method} ${problem}.`,
        'Use a method that takes a number of experts to keep.',
      );
  });
  return kept;
};

/** Pins that keep super experts, except experts that the request pins to go. */
const protectivePins = ({ protect = 'none', statistics, layers, experts, pins }: PlanInput): Pin[] => {
  if (protect === 'none') return [];
  const peaks = requireStatistic(
    statistics.length > 0 && statistics.every(({ peakOutputs }) => peakOutputs !== undefined)
      ? largestPeaks(statistics)
      : undefined,
    'the largest outputs of experts, which the protection of super experts reads',
  );
  const rows = Array.from({ length: layers }, (_, layer) => layerRow(peaks, layer, experts));
  return superExpertPins(rows, protect).filter(
    ({ layer, expert }) => !pins.some((pin) => pin.layer === layer && pin.expert === expert),
  );
};

const checkKeep = ({ keep, experts, topK }: PlanInput): void => {
  const least = Math.max(1, topK);
  if (Number.isInteger(keep) && keep >= least && keep <= experts) return;
  throw refuse(
    'keep-invalid',
    `Cannot keep ${keep} of ${experts} experts per layer: each token uses the top ${topK}.`,
    `Keep a whole number from ${least} to ${experts}.`,
  );
};

const checkStatistics = ({ method, statistics, layers, experts, topK }: PlanInput): void => {
  if (statistics.length === 0) {
    throw refuse('profile-missing', `The method ${method} needs a profile.`, 'Profile the model on a task first.');
  }
  for (const profile of statistics) {
    if (profile.layers !== layers || profile.experts !== experts || profile.topK !== topK) {
      throw refuse(
        'profile-mismatch',
        `A profile of ${profile.layers} MoE layers, ${profile.experts} experts and top-${profile.topK} does ` +
          `not belong to a model of ${layers}, ${experts} and top-${topK}.`,
        'Profile this model on the task.',
      );
    }
    if (profile.tokens === 0) {
      throw refuse('profile-empty', 'A profile contains no token.', 'Profile a task that has calibration items.');
    }
  }
};

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
 * The plan of a method for a model and the profiles of one or more tasks: the only way to one, for command line, window
 * and sweeps. Deterministic; ties go to the lower index.
 *
 * @throws WorkbenchError `factor-or-keep`, `factor-invalid`, `factor-too-large`, `keep-invalid`, `groups-uneven`,
 * `counts-invalid`, `bad-option`, `needs-search`, `profile-missing`, `profile-mismatch`, `profile-empty`,
 * `profile-too-thin`, `task-weights-invalid`, `pin-invalid` or `pins-impossible`.
 */
export const planForModel = (subject: PlannedModel, order: PlanRequest): Plan => {
  const input = inputOf(subject, order);
  const { method, context, options, behaviour, draws } = prepared(input);
  const { experts, topK, seed, taskWeights, protect, budget, groups } = input;
  const { pins } = context;
  const scores = behaviour.score(context);
  const byThreshold = behaviour.kind === 'drop' ? behaviour.keepByThreshold?.(context) : undefined;
  const counts = byThreshold?.map((kept) => kept.length) ?? layerCounts(input, context, behaviour, scores);
  if (groups !== undefined && byThreshold === undefined) checkGroupedCounts(counts, experts, topK, groups);
  const provenance = {
    method: method.name,
    ...(Object.keys(options).length > 0 ? { options: { ...options } } : {}),
    experts,
    topK,
    factor: reachedFactor(experts, counts),
    budget,
    ...(draws ? { seed } : {}),
    ...(pins.length > 0 ? { pins: pins.map((pin) => ({ ...pin })) } : {}),
    ...(protect !== undefined && protect !== 'none' ? { protect } : {}),
    ...(taskWeights !== undefined ? { taskWeights: [...taskWeights] } : {}),
  };
  if (behaviour.kind === 'drop') {
    const kept = withinGroups(byThreshold ?? chosenExperts(behaviour, context, scores, counts, groups), input);
    return signedPlan({ ...provenance, kept }, subject, order.tasks);
  }
  const { router, align, rule } = behaviour;
  const plan: MergePlan = { ...provenance, groups: behaviour.group(context, counts), router, align };
  if (router === 'reinitialised') plan.routerSeed = context.seed;
  if (rule !== undefined) plan.rule = { ...rule };
  return signedPlan(plan, subject, order.tasks);
};

/**
 * The scores by which such a plan keeps experts, [L][E], higher is better; of a merging method those that a budget
 * reads.
 *
 * @throws WorkbenchError as `planForModel`.
 */
export const scoresForModel = (subject: PlannedModel, order: PlanRequest): readonly Float64Array[] => {
  const { behaviour, context } = prepared(inputOf(subject, order));
  return behaviour.score(context);
};

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
