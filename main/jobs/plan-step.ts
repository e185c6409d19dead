import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import {
  type BudgetName,
  type MethodName,
  type MethodOptions,
  type Plan,
  planRecovery,
  plan as planSchema,
  type RefitName,
  type SuperExpertProtection,
} from '../contract/plan.ts';
import type { MetricName, TaskItem } from '../contract/task.ts';
import { isRight } from '../evaluation/is-right.ts';
import { withConstants } from '../inference/expert-constants.ts';
import { requireMergeable } from '../inference/merged-layer.ts';
import type { RunControl } from '../inference/model-runner.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import type { OutputMergeSettings, SearchBehaviour } from '../pruning/method.ts';
import { methodNamed } from '../pruning/methods.ts';
import { planForModel, type PlanRequest, signedPlan } from '../pruning/plan-for-model.ts';
import { type PlanNeeds, planNeeds } from '../pruning/plan-needs.ts';
import { BLEND_ROUTER, candidatePlan, searchExperts, type SearchSettings } from '../pruning/search/search-experts.ts';
import type { BudgetSearchSettings } from '../pruning/search/search-budgets.ts';
import { taskShares } from '../pruning/weighed-profiles.ts';
import { hashItems } from '../tasks/items.ts';
import { isTextItem } from '../tasks/task.ts';
import { budgetPlan } from './budget-search.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { runStep, type SingleStep, type PlannedStep } from './step.ts';
import { recoveryKey, searchKey } from './step-key.ts';
import { answerItems, writingIdentity } from './write-items.ts';

/** Work of a refit per token of its calibration items: two streams of hidden states, and the solving. */
const RECOVERY_WORK = 25;
/** Work of a progressive search per token: every expert runs on every token, and subsets are tried. */
const PROGRESSIVE_WORK = 20;
/** Work of a merge fitted to outputs per token: every expert runs on every token. */
const OUTPUTS_WORK = 20;

/** Tokens of a task's calibration items, for profiling and for scoring; 0 where they are not used. */
export interface CalibrationTokens {
  readonly profiling: number;
  readonly scoring: number;
}

/** How plans of any size are made. */
export interface PlanOrder {
  readonly method: MethodName;
  readonly options: MethodOptions;
  readonly budget: BudgetName;
  readonly protect: SuperExpertProtection;
  readonly seed: number | null;
  /** Weights that are refitted to the unpruned model; null for none. */
  readonly refit: RefitName | null;
  /** Reads the plan from a file instead of making one. */
  readonly fromFile?: ((checkpoint: Checkpoint, task: string, keep: number) => Plan) | undefined;
}

/** A model and the calibration items that its plans are made from. */
export interface PlanSubject {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly statistics: RoutingStatistics | null;
  readonly calibration: CalibrationTokens;
}

/** The request for an order's plan with `keep` experts per layer, but for profiles and tasks. */
export const requestOf = (
  { method, options, budget, protect, seed }: PlanOrder,
  keep: number,
): Omit<PlanRequest, 'statistics' | 'tasks'> => ({ method, options, keep, budget, pins: [], protect, seed: seed ?? 0 });

const needsOf = ({ fromFile, ...order }: PlanOrder): PlanNeeds | null =>
  fromFile === undefined ? planNeeds(order) : null;

const searchWork = (search: SearchBehaviour, { profiling, scoring }: CalibrationTokens): number =>
  search.search === 'evolution' || search.search === 'budgets'
    ? search.settings.evaluations * scoring
    : (search.search === 'outputs' ? OUTPUTS_WORK : PROGRESSIVE_WORK) * profiling;

/** The steps of a plan after its profile (a search, a refit) that are known before it is made. */
export const planSteps = (order: PlanOrder, calibration: CalibrationTokens): readonly PlannedStep[] => {
  const search = needsOf(order)?.search ?? null;
  return [
    ...(search === null ? [] : [{ work: searchWork(search, calibration) }]),
    ...(order.refit === null ? [] : [{ work: RECOVERY_WORK * calibration.profiling }]),
  ];
};

/**
 * The plan of an order that keeps `keep` experts per layer: read from its file, made from the profile or searched for.
 */
export const makePlan = async (
  context: JobContext,
  subject: PlanSubject,
  order: PlanOrder,
  keep: number,
): Promise<Plan> => {
  const { checkpoint } = subject.model;
  const { name } = subject.task.task;
  const search = needsOf(order)?.search ?? null;
  const plan =
    order.fromFile !== undefined
      ? order.fromFile(checkpoint, name, keep)
      : search === null
        ? await profiledPlan(context, [subject], order, keep)
        : signedPlan(await runStep(context, await searchStep(context, subject, order, search, keep)), checkpoint, [
            name,
          ]);
  if (order.refit === null) return plan;
  const { recovery } = await runStep(context, refitStep(context, subject, plan, order.refit));
  return { ...plan, recovery: { ...recovery, tasks: [name] } };
};

/** A plan from the profiles of subjects of one model together, each with an equal share. */
const profiledPlan = (
  { steps: { overlays } }: JobContext,
  subjects: readonly [PlanSubject, ...PlanSubject[]],
  order: PlanOrder,
  keep: number,
): Promise<Plan> => {
  const { checkpoint } = subjects[0].model;
  const { profile, constants } = planNeeds(order);
  const statistics = profile ? subjects.flatMap((subject) => subject.statistics ?? []) : [];
  const tasks = subjects.map(({ task }) => task.task.name);
  const plan = planForModel(checkpoint, { ...requestOf(order, keep), statistics, tasks });
  const profiles = { statistics, taskShares: taskShares(undefined, statistics.length) };
  return withConstants(plan, constants, checkpoint, profiles, overlays);
};

/**
 * One plan for the tasks of several subjects of a model, from their profiles together, each task with an equal share;
 * null where the order has no such plan: it searches or refits on the items of one task, is read from a file, or reads
 * no profile.
 */
export const makeJointPlan = (
  context: JobContext,
  [first, ...others]: readonly PlanSubject[],
  order: PlanOrder,
  keep: number,
): Promise<Plan> | null => {
  const needs = needsOf(order);
  const isJoint = needs !== null && needs.profile && needs.search === null && order.refit === null;
  return first === undefined || !isJoint ? null : profiledPlan(context, [first, ...others], order, keep);
};

const storedSearch = z.object({ kind: z.literal('search'), plan: planSchema });

/**
 * Refuses searches that this model does not allow, before any candidate is measured.
 *
 * @throws WorkbenchError `groups-uneven`; `merge-unsupported` where matrices would be tried.
 */
export const requireSearchable = (
  checkpoint: Checkpoint,
  method: MethodName,
  { switchAfter, evaluations }: Pick<SearchSettings, 'switchAfter' | 'evaluations'>,
): void => {
  const { name, info, descriptor } = checkpoint;
  if (info.expertGroups !== undefined)
    throw refuse(
      'groups-uneven',
      `The method ${method} draws experts at random, and ${name} chooses them in groups of equal size.`,
      'Use a method that takes a number of experts to keep.',
    );
  if (switchAfter !== null && switchAfter < evaluations)
    for (const { moe } of descriptor.moeLayers) requireMergeable(checkpoint, moe, BLEND_ROUTER);
};

/**
 * Calibration items with an answer, by which a search judges its candidates.
 *
 * @throws WorkbenchError `no-labels` where there are none.
 */
export const labelledItems = (method: MethodName, { name, task }: RunTask): readonly TaskItem[] => {
  const items = task.calibration.filter((item) => !isTextItem(item));
  if (items.length > 0) return items;
  throw refuse(
    'no-labels',
    `${name} has no calibration items with an answer, which the method ${method} needs to judge its candidates.`,
    'Use another method for this task.',
  );
};

const searchStep = async (
  context: JobContext,
  subject: PlanSubject,
  { method, options: given, seed }: PlanOrder,
  search: SearchBehaviour,
  keep: number,
): Promise<SingleStep<Plan>> => {
  const { model, task, calibration } = subject;
  const { checkpoint } = model;
  const { identity, info } = checkpoint;
  const isEvolution = search.search === 'evolution';
  const isDrawn = isEvolution || search.search === 'budgets';
  if (isEvolution) requireSearchable(checkpoint, method, search.settings);
  const { options } = methodNamed(method).prepare(given);
  const key = searchKey({
    model: identity,
    itemsHash: hashItems(task.task.calibration),
    method,
    options,
    keep,
    seed: isDrawn ? (seed ?? 0) : null,
    metric: isEvolution ? task.task.metric : null,
    numerics: context.numerics,
    writing: isEvolution ? await writingIdentity(checkpoint, task.task) : undefined,
  });
  const title = `Searching experts of ${model.name} on ${task.name}`;
  return {
    key,
    work: searchWork(search, calibration),
    title:
      search.search === 'outputs'
        ? `Merging experts of ${model.name} on ${task.name}, layer by layer`
        : isDrawn
          ? title
          : `${title}, layer by layer`,
    checkpoint,
    read: async (steps) => {
      const plan = (await steps.readJson(key, storedSearch))?.plan ?? null;
      if (plan?.recovery === undefined) return plan;
      return (await context.steps.overlays.read(plan.recovery.weights)).isSound ? plan : null;
    },
    write: (steps, plan) => steps.writeJson(key, { kind: 'search', plan }),
    compute: async (control) => ({
      ...(isEvolution
        ? await evolvedPlan(context, subject, { method, seed: seed ?? 0, keep, settings: search.settings, title })
        : search.search === 'budgets'
          ? await budgetedPlan(context, subject, { seed: seed ?? 0, keep, settings: search.settings, title })
          : search.search === 'outputs'
            ? await outputsPlan(context, subject, keep, search.settings, control)
            : await progressivePlan(context, subject, keep, control)),
      method,
      options,
      experts: info.experts,
      topK: info.topK,
      factor: info.experts / keep,
      budget: search.search === 'budgets' ? ('global' as const) : ('uniform' as const),
      ...(isDrawn ? { seed: seed ?? 0 } : {}),
    }),
  };
};

/** Share of the items that a candidate answers correctly by the task's metric; 0 without items. */
export const searchFitness = (metric: MetricName, outcomes: readonly ItemOutcome[]): number => {
  const right = outcomes.filter((outcome) => outcome.kind !== 'text' && isRight(metric, outcome));
  return right.length / Math.max(1, outcomes.length);
};

const evolvedPlan = async (
  { runners, meter, signal }: JobContext,
  { model, task: own }: PlanSubject,
  {
    method,
    seed,
    keep,
    settings,
    title,
  }: {
    readonly method: MethodName;
    readonly seed: number;
    readonly keep: number;
    readonly settings: Extract<SearchBehaviour, { search: 'evolution' }>['settings'];
    readonly title: string;
  },
): Promise<Plan> => {
  const items = labelledItems(method, own);
  const runner = await runners.open(model.checkpoint);
  const { moeLayers: layers, experts } = model.checkpoint.info;
  const { best } = await searchExperts({
    layers,
    experts,
    keep,
    seed,
    settings,
    signal,
    fitness: async (candidate) => {
      const tried = [{ key: 'candidate', plan: candidatePlan(candidate) }];
      const outcomes = await answerItems(runner, own.task, items, tried, { signal });
      return searchFitness(own.task.metric, outcomes.get('candidate') ?? []);
    },
    onProgress: (measured, fitness) => {
      meter.describe(
        `${title}: ${String(measured)} of ${String(settings.evaluations)} candidates, ` +
          `best ${(100 * fitness).toFixed(1)} %`,
      );
      meter.advance(measured / settings.evaluations);
    },
  });
  return candidatePlan(best);
};

const progressivePlan = async (
  { runners }: JobContext,
  { model: { checkpoint }, task }: PlanSubject,
  keep: number,
  control: RunControl,
): Promise<Plan> => {
  const runner = await runners.open(checkpoint);
  const counts = Array.from({ length: checkpoint.info.moeLayers }, () => keep);
  return { kept: await runner.pruneProgressively(task.task.calibration, counts, control) };
};

/** Kept experts by a search over their numbers per layer, ranked by the profile. */
const budgetedPlan = async (
  { runners, meter, signal }: JobContext,
  { model, task: { task }, statistics }: PlanSubject,
  {
    seed,
    keep,
    settings,
    title,
  }: {
    readonly seed: number;
    readonly keep: number;
    readonly settings: BudgetSearchSettings;
    readonly title: string;
  },
): Promise<Plan> => {
  if (statistics === null) throw new Error('a search over budgets without a profile');
  return budgetPlan({
    runner: await runners.open(model.checkpoint),
    statistics,
    calibration: task.calibration,
    keep,
    seed,
    settings,
    signal,
    onProgress: (measured, best) => {
      meter.describe(
        `${title}: ${String(measured)} of ${String(settings.evaluations)} allocations, ` +
          `best acceptance ${(100 * best).toFixed(1)} %`,
      );
      meter.advance(measured / settings.evaluations);
    },
  });
};

const outputsPlan = async (
  { runners }: JobContext,
  { model: { checkpoint }, task: { task } }: PlanSubject,
  keep: number,
  settings: OutputMergeSettings,
  control: RunControl,
): Promise<Plan> => {
  const runner = await runners.open(checkpoint);
  return runner.mergeByOutputs(task.calibration, keep, settings, [task.name], control);
};

/** `sha256`: hash of the overlay with the weights, which another device may have replaced. */
const storedRefit = z.object({ kind: z.literal('recovery'), recovery: planRecovery, sha256: z.string() });

/** A plan refitted on a task's calibration items. */
const refitStep = (
  { runners, steps: { overlays }, numerics }: JobContext,
  { model, task: { name, task }, calibration }: PlanSubject,
  plan: Plan,
  refit: RefitName,
): SingleStep<z.infer<typeof storedRefit>> => {
  const { checkpoint } = model;
  const { identity, info } = checkpoint;
  const itemsHash = hashItems(task.calibration);
  const key = recoveryKey({ model: identity, experts: info.experts, itemsHash, plan, refit, numerics });
  return {
    key,
    work: RECOVERY_WORK * calibration.profiling,
    title: `Refitting ${model.name} on ${name}`,
    checkpoint,
    read: async (steps) => {
      const stored = await steps.readJson(key, storedRefit);
      if (stored === null) return null;
      const overlay = await overlays.read(stored.recovery.weights);
      return overlay.isSound && overlay.sha256 === stored.sha256 ? stored : null;
    },
    write: (steps, stored) => steps.writeJson(key, stored),
    compute: async (control) => {
      const runner = await runners.open(checkpoint);
      const { recovery } = await runner.recover(plan, task.calibration, [task.name], control, refit);
      const overlay = recovery === undefined ? null : await overlays.read(recovery.weights);
      if (recovery === undefined || overlay?.isSound !== true) throw new Error('a refit without weights');
      return { kind: 'recovery', recovery, sha256: overlay.sha256 };
    },
  };
};
