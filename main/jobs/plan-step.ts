import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
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
import type { TaskItem } from '../contract/task.ts';
import { withConstants } from '../inference/expert-constants.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import type { SearchBehaviour } from '../pruning/method.ts';
import { methodNamed } from '../pruning/methods.ts';
import { planForModel, signedPlan } from '../pruning/plan-for-model.ts';
import { planNeeds } from '../pruning/plan-needs.ts';
import { candidatePlan } from '../pruning/search/candidate-plan.ts';
import { searchExperts } from '../pruning/search/search-experts.ts';
import { hashItems } from '../tasks/items.ts';
import { isTextItem } from '../tasks/task.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { searchFitness } from './search-fitness.ts';
import { recoveryKey, searchKey } from './step-key.ts';
import { answerItems, writingIdentity } from './write-items.ts';

/** Work of a refit in tokens of its calibration items: two streams of hidden states, and the solving. */
export const RECOVERY_WORK = 25;
/** Work of a progressive search, likewise: every expert runs on every token, and subsets are tried. */
export const PROGRESSIVE_WORK = 20;

/** A plan that a sweep asks for. */
export interface PlanOrder {
  readonly model: RunModel;
  readonly task: RunTask;
  readonly statistics: RoutingStatistics | null;
  readonly method: MethodName;
  readonly options: MethodOptions;
  readonly budget: BudgetName;
  readonly protect: SuperExpertProtection;
  readonly seed: number | null;
  readonly keep: number;
  /** Tokens of the task's calibration items as they are profiled, and as they are scored. */
  readonly profilingTokens: number;
  readonly scoringTokens: number;
}

/** Work that the search for a plan takes beyond measuring it; 0 where it follows from a profile. */
export const searchWork = ({
  method,
  options,
  budget,
  profilingTokens,
  scoringTokens,
}: Pick<PlanOrder, 'method' | 'options' | 'budget' | 'profilingTokens' | 'scoringTokens'>): number => {
  const { search } = planNeeds({ method, options, budget });
  if (search === null) return 0;
  return search.search === 'evolution'
    ? search.settings.evaluations * scoringTokens
    : PROGRESSIVE_WORK * profilingTokens;
};

/** The plan of an order: made from the profile, or searched for, which is a step of its own. */
export const planStep = async (context: JobContext, order: PlanOrder): Promise<Plan> => {
  const { model, task, statistics, method, options, budget, protect, seed, keep } = order;
  const needs = planNeeds({ method, options, budget, protect });
  const tasks = [task.task.name];
  if (needs.search !== null)
    return signedPlan(await searchedPlan(context, order, needs.search), model.checkpoint, tasks);
  const profiles = needs.profile && statistics !== null ? [statistics] : [];
  const plan = planForModel(model.checkpoint, {
    method,
    options,
    statistics: profiles,
    keep,
    budget,
    pins: [],
    protect,
    seed: seed ?? 0,
    tasks,
  });
  return withConstants(
    plan,
    needs.constants,
    model.checkpoint,
    { statistics: profiles, taskShares: [1] },
    context.steps.overlays,
  );
};

const searchedStep = z.object({ kind: z.literal('search'), plan: planSchema });

const searchedPlan = async (context: JobContext, order: PlanOrder, search: SearchBehaviour): Promise<Plan> => {
  const { steps, meter } = context;
  const { model, task, method, seed, keep } = order;
  const { identity, info } = model.checkpoint;
  if (info.expertGroups !== undefined && search.search === 'evolution') {
    throw refuse(
      'groups-uneven',
      `The method ${method} draws experts at random, and ${model.name} chooses them in groups of equal size.`,
      'Use a method that takes a number of experts to keep.',
    );
  }
  const { options } = methodNamed(method).prepare(order.options);
  const isEvolution = search.search === 'evolution';
  const key = searchKey({
    model: identity,
    itemsHash: hashItems(task.task.calibration),
    method,
    options,
    keep,
    seed: isEvolution ? (seed ?? 0) : null,
    metric: isEvolution ? task.task.metric : null,
    numerics: context.numerics,
    writing: isEvolution ? await writingIdentity(model.checkpoint, task.task) : undefined,
  });
  const stored = await steps.readJson(key, searchedStep);
  const work = searchWork(order);
  if (stored !== null) {
    meter.reuse(work);
    return stored.plan;
  }
  meter.begin(work);
  const content =
    search.search === 'evolution' ? await evolvedPlan(context, order, search) : await progressivePlan(context, order);
  const plan: Plan = {
    ...content,
    method,
    options,
    experts: info.experts,
    topK: info.topK,
    factor: info.experts / keep,
    budget: 'uniform' as const,
    ...(search.search === 'evolution' ? { seed: seed ?? 0 } : {}),
  };
  await steps.writeJson(key, { kind: 'search', plan });
  meter.finish();
  return plan;
};

const evolvedPlan = async (
  { runners, meter, signal }: JobContext,
  { model, task, method, seed, keep }: PlanOrder,
  { settings }: Extract<SearchBehaviour, { search: 'evolution' }>,
): Promise<Plan> => {
  const items = task.task.calibration.filter((item) => !isTextItem(item));
  if (items.length === 0)
    throw refuse(
      'no-labels',
      `${task.name} has no calibration items with an answer, by which the method ${method} judges its candidates.`,
      'Use another method for this task.',
    );
  const runner = await runners.open(model.checkpoint);
  const { moeLayers: layers, experts } = model.checkpoint.info;
  const { best } = await searchExperts({
    layers,
    experts,
    keep,
    seed: seed ?? 0,
    settings,
    signal,
    fitness: async (candidate) => {
      const tried = [{ key: 'candidate', plan: candidatePlan(candidate) }];
      const outcomes = await answerItems(runner, task.task, items, tried, { signal });
      return searchFitness(task.task.metric, outcomes.get('candidate') ?? []);
    },
    onProgress: (measured, fitness) => {
      meter.describe(
        `Searching experts of ${model.name} on ${task.name}: ${String(measured)} of ` +
          `${String(settings.evaluations)} candidates, best ${(100 * fitness).toFixed(1)} %`,
      );
      meter.advance(measured / settings.evaluations);
    },
  });
  return candidatePlan(best);
};

const progressivePlan = async (
  { runners, meter, signal }: JobContext,
  { model, task, keep }: PlanOrder,
): Promise<Plan> => {
  meter.describe(`Searching experts of ${model.name} on ${task.name}, layer by layer`);
  const runner = await runners.open(model.checkpoint);
  const counts = Array.from({ length: model.checkpoint.info.moeLayers }, () => keep);
  const onProgress = (done: number, total: number): void => meter.advance(done / total);
  return { kept: await runner.pruneProgressively(task.task.calibration, counts, { signal, onProgress }) };
};

/** `sha256`: of the overlay that holds the weights; another device may have put its own there. */
const recoveredStep = z.object({ kind: z.literal('recovery'), recovery: planRecovery, sha256: z.string() });

/** A plan refitted on a task's calibration items: from disk, or computed. `work`: tokens x RECOVERY_WORK. */
export const recoveryStep = async (
  context: JobContext,
  model: RunModel,
  { name, task }: RunTask,
  plan: Plan,
  refit: RefitName,
  work: number,
): Promise<Plan> => {
  const { steps, meter, signal } = context;
  const { identity, info } = model.checkpoint;
  const items: readonly TaskItem[] = task.calibration;
  const key = recoveryKey({
    model: identity,
    experts: info.experts,
    itemsHash: hashItems(items),
    plan,
    refit,
    numerics: context.numerics,
  });
  const stored = await steps.readJson(key, recoveredStep);
  if (stored !== null) {
    const overlay = await steps.overlays.read(stored.recovery.weights);
    if (overlay.isSound && overlay.sha256 === stored.sha256) {
      meter.reuse(work);
      return { ...plan, recovery: { ...stored.recovery, tasks: [task.name] } };
    }
  }
  meter.describe(`Refitting ${model.name} on ${name}`);
  const runner = await context.runners.open(model.checkpoint);
  meter.begin(work);
  const recovered = await runner.recover(
    plan,
    items,
    [task.name],
    { signal, onProgress: (done, total) => meter.advance(done / total) },
    refit,
  );
  const { recovery } = recovered;
  const overlay = recovery === undefined ? null : await steps.overlays.read(recovery.weights);
  if (recovery === undefined || overlay?.isSound !== true) throw new Error('a refit without weights');
  await steps.writeJson(key, { kind: 'recovery', recovery, sha256: overlay.sha256 });
  meter.finish();
  return recovered;
};
