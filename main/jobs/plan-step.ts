import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ModelInfo } from '../contract/model.ts';
import { type BudgetName, type Plan, planRecovery, type RefitName } from '../contract/plan.ts';
import { noCalibration } from '../contract/start-rules.ts';
import { withConstants } from '../inference/expert-constants.ts';
import type { Overlays } from '../inference/overlays.ts';
import {
  type ExtraStatistic,
  extraStatistics,
  type RoutingStatistics,
  runsEveryExpert,
} from '../profile/routing-statistics.ts';
import { planForModel, type PlanRequest, signedPlan } from '../pruning/make-plan.ts';
import { withGates } from '../pruning/gates.ts';
import { extrasInWords, type PlanNeeds, planNeeds } from '../pruning/plan-needs.ts';
import { taskShares } from '../pruning/weighed-profiles.ts';
import { hashItems } from '../tasks/items.ts';
import type { Task } from '../tasks/task.ts';
import { profileContent, readProfileFile } from '../workspace/profile-file.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { JobContext, Numerics, RunModel, RunTask } from './job-context.ts';
import { countsByLosses, type LayerLosses, layerLosses, type LayerOrder, measuresLayers } from './layer-losses.ts';
import { type PlanSubject, searchStep, searchWork } from './search-step.ts';
import { type PlannedStep, profileKey, recoveryKey, runStep, type SingleStep } from './step.ts';
import type { CalibrationTokens } from './task-work.ts';

/** Key of the profile of a model (Checkpoint.identity) on a task's calibration split; `extras` in their own order. */
export const taskProfileKey = (
  model: string,
  task: Task,
  numerics: Numerics,
  extras: readonly ExtraStatistic[] = [],
): string => profileKey(model, hashItems(task.calibration), numerics, extras);

/** Refuses a task without calibration items, which cannot be profiled. */
export const requireCalibration = (task: Task): void => {
  if (task.calibration.length > 0) return;
  throw noCalibration(task.path, 'profile');
};

/** Sets of extras that include these, the smallest first: a profile with more statistics serves as well. */
const setsWith = (extras: readonly ExtraStatistic[]): readonly (readonly ExtraStatistic[])[] => {
  const others = extraStatistics.filter((extra) => !extras.includes(extra));
  const sets = Array.from({ length: 2 ** others.length }, (_, bits) =>
    extraStatistics.filter((extra) => extras.includes(extra) || (bits & (1 << others.indexOf(extra))) !== 0),
  );
  return sets.sort((a, b) => a.length - b.length);
};

/**
 * File of the stored profile with the extras, or null where the model has no such profile. `itemsHash`: the hash of the
 * profiled items.
 */
export const storedProfileFile = async (
  steps: StepStore,
  model: string,
  itemsHash: string,
  numerics: Numerics,
  extras: readonly ExtraStatistic[] = [],
): Promise<string | null> => {
  for (const set of setsWith(extras)) {
    const key = profileKey(model, itemsHash, numerics, set);
    const file = await steps.readTensors(key, 'profile');
    if (file !== null) return file;
  }
  return null;
};

/** The stored profile with the extras, or null where the model has no such profile on the task. */
export const readStoredProfile = async (
  steps: StepStore,
  model: string,
  task: Task,
  numerics: Numerics,
  extras: readonly ExtraStatistic[] = [],
): Promise<RoutingStatistics | null> => {
  const file = await storedProfileFile(steps, model, hashItems(task.calibration), numerics, extras);
  return file === null ? null : ((await readProfileFile(file)).tasks[0]?.statistics ?? null);
};

/**
 * Work of a profile on items with this number of tokens, in units of tokens that are only routed. Measured on the
 * bundled models: running every expert on every token takes a fifth more per E / K, and eliminating experts of a layer
 * E^2 / 40 more.
 */
const profileWork = (
  tokens: number,
  extras: readonly ExtraStatistic[],
  { experts, topK }: Pick<ModelInfo, 'experts' | 'topK'>,
): number =>
  tokens *
  (1 +
    (runsEveryExpert(extras) ? experts / Math.max(1, topK) / 5 : 0) +
    (extras.includes('elimination') ? experts ** 2 / 40 : 0));

/**
 * Statistics of a model on a task's calibration items with this number of tokens; `extras`: statistics beyond routing.
 */
export const profileStep = (
  { runners, numerics, emit, run }: JobContext,
  model: RunModel,
  { name, task }: RunTask,
  tokens: number,
  extras: readonly ExtraStatistic[] = [],
): SingleStep<RoutingStatistics> => {
  const { checkpoint } = model;
  const { name: modelName, fingerprint, identity, info } = checkpoint;
  const key = taskProfileKey(identity, task, numerics, extras);
  const also = extrasInWords(extras, info.experts, info.topK);
  return {
    key,
    work: profileWork(tokens, extras, info),
    title: `Profiling ${model.name} on ${name}${also === null ? '' : ` (also ${also})`}`,
    checkpoint,
    read: (steps) => readStoredProfile(steps, identity, task, numerics, extras),
    write: async (steps, statistics) => {
      // As the key, the header knows the calibration items alone: tasks that share them have one profile.
      const tasks = [{ name: 'calibration', hash: hashItems(task.calibration), statistics }];
      await steps.writeTensors(
        key,
        'profile',
        profileContent({ model: modelName, fingerprint, sha256: identity, tasks }),
      );
      emit({ type: 'profile.ready', run, fingerprint, task: name });
    },
    compute: async (control) => (await runners.open(checkpoint)).profile(task.calibration, control, extras),
  };
};

/** Work of a refit per token of its calibration items: two streams of hidden states, and the solving. */
const RECOVERY_WORK = 25;

/** How plans of any size are made. */
export interface PlanOrder extends LayerOrder {
  readonly budget: BudgetName;
  /** Weights that are refitted to the unpruned model; null for none. */
  readonly refit: RefitName | null;
  /** Reads the plan from a file instead of making one; `isRanking`: a file that says nothing about gates. */
  readonly fromFile?:
    | ((checkpoint: Checkpoint, task: string, keep: number) => { readonly plan: Plan; readonly isRanking: boolean })
    | undefined;
}

/** The request for an order's plan with `keep` experts per layer, but for profiles and tasks. */
export const requestOf = (
  { method, options, budget, protect, seed }: PlanOrder,
  keep: number,
): Omit<PlanRequest, 'statistics' | 'tasks'> => ({ method, options, keep, budget, pins: [], protect, seed: seed ?? 0 });

const needsOf = ({ fromFile, ...order }: PlanOrder): PlanNeeds | null =>
  fromFile === undefined ? planNeeds(order) : null;

/** The steps of a plan after its profile (a search, a refit) that are known before it is made. */
export const planSteps = (order: PlanOrder, calibration: CalibrationTokens): readonly PlannedStep[] => {
  const search = needsOf(order)?.search ?? null;
  return [
    ...(search === null ? [] : [{ work: searchWork(search, calibration) }]),
    ...(order.refit === null ? [] : [{ work: RECOVERY_WORK * calibration.profiling }]),
  ];
};

/**
 * The plan of an order that keeps `keep` experts per layer: read from its file, searched for, or made from the profiles
 * of the subject and `others` (the same model on other tasks), each with an equal share.
 */
export const makePlan = async (
  context: JobContext,
  subject: PlanSubject,
  order: PlanOrder,
  keep: number,
  others: readonly PlanSubject[] = [],
): Promise<Plan> => {
  const { checkpoint } = subject.model;
  const { name } = subject.task.task;
  const search = needsOf(order)?.search ?? null;
  const subjects = [subject, ...others];
  const statistics = subjects.flatMap((entry) => entry.statistics ?? []);
  const profiles = { statistics, taskShares: taskShares(undefined, statistics.length) };
  const gated = (plan: Plan): Plan => withGates(plan, order.gates, checkpoint.info, profiles);
  const { overlays } = context.steps;
  let plan: Plan;
  if (order.fromFile !== undefined) {
    const read = order.fromFile(checkpoint, name, keep);
    plan = read.isRanking ? gated(read.plan) : read.plan;
  } else if (search !== null) {
    const found = await runStep(context, await searchStep(context, subject, order, search, keep));
    plan = gated(signedPlan(found, checkpoint, [name]));
  } else {
    const tasks = subjects.map(({ task }) => task.task.name);
    const size = order.budget === 'measured' ? await measuredSize(context, subjects, order, keep) : {};
    plan = await profiledPlan(checkpoint, { ...requestOf(order, keep), ...size, statistics, tasks }, order, overlays);
  }
  if (order.refit === null) return plan;
  const { recovery } = await runStep(context, refitStep(context, subject, plan, order.refit));
  return { ...plan, recovery: { ...recovery, tasks: [name] } };
};

/** The kept experts of each layer under the budget "measured"; nothing where the method decides about them itself. */
const measuredSize = async (
  context: JobContext,
  subjects: readonly PlanSubject[],
  order: PlanOrder,
  keep: number,
): Promise<{ readonly keep: undefined; readonly counts: readonly number[] } | Record<string, never>> => {
  if (!measuresLayers(order)) return {};
  const losses: LayerLosses[] = [];
  for (const subject of subjects)
    losses.push(
      await layerLosses(context, subject, order, (counts) =>
        countedPlan(subject, order, counts, context.steps.overlays),
      ),
    );
  const { experts } = subjects[0]?.model.checkpoint.info ?? { experts: keep };
  return { keep: undefined, counts: countsByLosses(losses, taskShares(undefined, losses.length), experts, keep) };
};

/** A method's plan from profiles, with the constants that replace experts, and its gates. */
export const profiledPlan = async (
  checkpoint: Checkpoint,
  request: PlanRequest,
  { options, gates }: Pick<PlanOrder, 'options' | 'gates'>,
  overlays: Overlays,
): Promise<Plan> => {
  const { statistics, taskWeights } = request;
  const profiles = { statistics, taskShares: taskShares(taskWeights, statistics.length) };
  const { constants } = planNeeds({ ...request, options });
  const plan = await withConstants(planForModel(checkpoint, request), constants, checkpoint, profiles, overlays);
  return withGates(plan, gates, checkpoint.info, profiles);
};

/** The plan of an order with a number of kept experts for each layer, from the profile of one task. */
export const countedPlan = (
  { model: { checkpoint }, statistics }: Pick<PlanSubject, 'model' | 'statistics'>,
  order: LayerOrder,
  counts: readonly number[],
  overlays: Overlays,
): Promise<Plan> => {
  const { method, options, protect, seed } = order;
  const own = { method, options, protect, seed: seed ?? 0, pins: [], budget: 'manual' as const, counts };
  const request = { ...own, statistics: statistics === null ? [] : [statistics], tasks: [] };
  return profiledPlan(checkpoint, request, order, overlays);
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
  return first === undefined || !isJoint ? null : makePlan(context, first, order, keep, others);
};

/** `sha256`: hash of the overlay with the weights, which another device may have replaced. */
const storedRefit = z.object({ kind: z.literal('recovery'), recovery: planRecovery, sha256: boundedText });

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
