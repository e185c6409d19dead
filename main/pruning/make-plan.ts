import { refuse } from '../contract/errors.ts';
import type { ExpertGroupRule } from '../contract/model.ts';
import type { MergePlan, Pin, Plan } from '../contract/plan.ts';
import { keepByCounts, pinsByLayer } from './budget.ts';
import { layerCounts } from './layer-counts.ts';
import { largestPeaks, layerRow, requireStatistic, taskShares } from './weighed-profiles.ts';
import { checkGroupedCounts, groupProblem } from './expert-groups.ts';
import type { DropBehaviour, MergeBehaviour, Method, MethodOptions, PlanContext, PlanInput } from './method.ts';
import { methodNamed } from './methods.ts';
import { superExpertPins } from './saliency.ts';

/**
 * The plan of a method for a model and the profiles of one or more tasks. Deterministic; ties go to the lower index.
 * The caller adds the model and task names.
 *
 * @throws WorkbenchError `keep-invalid`, `groups-uneven`, `counts-invalid`, `bad-option`, `needs-search`,
 * `profile-missing`, `profile-mismatch`, `profile-empty`, `profile-too-thin`, `task-weights-invalid`, `pin-invalid` or
 * `pins-impossible`.
 */
export const makePlan = (input: PlanInput): Plan => {
  const { method, context, options, behaviour, draws } = prepared(input);
  const { experts, topK, seed, taskWeights, protect, budget, groups } = input;
  const { pins } = context;
  const scores = behaviour.score(context);
  const byThreshold = behaviour.kind === 'drop' ? behaviour.keepByThreshold?.(context) : undefined;
  const counts = byThreshold?.map((kept) => kept.length) ?? layerCounts(input, context, behaviour, scores);
  if (groups !== undefined && byThreshold === undefined) checkGroupedCounts(counts, topK, groups);
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
  if (behaviour.kind === 'drop')
    return {
      ...provenance,
      kept: withinGroups(byThreshold ?? chosenExperts(behaviour, context, scores, counts, groups), input),
    };
  const { router, align, rule } = behaviour;
  const plan: MergePlan = { ...provenance, groups: behaviour.group(context, counts), router, align };
  if (router === 'reinitialised') plan.routerSeed = context.seed;
  if (rule !== undefined) plan.rule = { ...rule };
  return plan;
};

/**
 * The scores by which a method's plan keeps experts, [L][E], higher is better; of a merging method those that a budget
 * reads.
 *
 * @throws WorkbenchError as `makePlan`.
 */
export const methodScores = (input: PlanInput): readonly Float64Array[] => {
  const { behaviour, context } = prepared(input);
  return behaviour.score(context);
};

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
