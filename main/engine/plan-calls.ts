import { calls, type PlanRequest } from '../contract/calls.ts';
import { refuse } from '../contract/errors.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { methodName, type MethodName, type Plan } from '../contract/plan.ts';
import type { RunTask } from '../jobs/job-context.ts';
import type { ExtraStatistic } from '../profile/extra-statistics.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { keepFromFactor } from '../pruning/keep-from-factor.ts';
import { makePlan } from '../pruning/make-plan.ts';
import { methodPage } from '../pruning/method-page.ts';
import { methods } from '../pruning/methods.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { extrasInWords, planNeeds } from '../pruning/plan-needs.ts';
import { validatePlan } from '../pruning/validate-plan.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';
import { importPlan } from './import-plan.ts';
import { changedSubject } from './changed-subject.ts';
import { openRunTasks } from './run-subjects.ts';
import { storedProfile } from './stored-profile.ts';

type PlanCall = 'plan.make' | 'plan.cost' | 'plan.import' | 'methods.list';

/** Kept experts per layer that a request names by factor, count, or counts by layer (then their mean): exactly one of them. */
export const requestedKeep = (
  { factor, keep, counts }: { readonly factor?: number | undefined; readonly keep?: number | undefined; readonly counts?: readonly number[] | undefined },
  experts: number,
  topK: number,
): number => {
  const named = [factor, keep, counts].filter((value) => value !== undefined);
  if (named.length === 1 && factor !== undefined) return keepFromFactor(experts, topK, factor);
  if (named.length === 1 && keep !== undefined) return keep;
  if (named.length === 1 && counts !== undefined) return Math.round(counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length));
  throw refuse('factor-or-keep', 'A plan needs a factor or a number of kept experts (of all layers, or of each), and not both.', 'Give one of them.');
};

const storedProfiles = async (
  context: EngineContext,
  checkpoint: Checkpoint,
  tasks: readonly RunTask[],
  method: MethodName,
  extras: readonly ExtraStatistic[],
): Promise<RoutingStatistics[]> => {
  const { fingerprint, info } = checkpoint;
  const profiles: RoutingStatistics[] = [];
  for (const { name, task } of tasks) {
    const statistics = await storedProfile(context, fingerprint, task, extras);
    if (statistics === null) throw (await changedSubject(context, checkpoint, task)) ?? profileMissing(name, method, extrasInWords(extras, info.experts, info.topK));
    profiles.push(statistics);
  }
  return profiles;
};

const profileMissing = (task: string, method: MethodName, also: string | null): Error =>
  also === null
    ? refuse('profile-missing', `The model was not profiled on ${task} yet.`, 'Profile it on this task first.')
    : refuse(
        'profile-missing',
        `The model was not profiled on ${task} for the method ${method} yet, which needs ${also}.`,
        `Profile it on this task for ${method}, or run a sweep with it.`,
      );

const makeRequestedPlan = async (context: EngineContext, request: PlanRequest): Promise<{ plan: Plan; cost: ReturnType<typeof planCost> }> => {
  const checkpoint = await context.checkpoint(context.handles.resolve(request.model));
  const { info, name, fingerprint } = checkpoint;
  const tasks = await openRunTasks(context, request.tasks);
  const { method, budget, pins, seed, uncurl, taskWeights, counts, protect } = request;
  const options = method === 'uncurl' ? { ...uncurl, ...request.options } : request.options;
  const needs = planNeeds({ method, options, budget, protect });
  const keep = requestedKeep(request, info.experts, info.topK);
  const statistics = needs.profile ? await storedProfiles(context, checkpoint, tasks, method, needs.extras) : [];
  const made = makePlan({
    ...{ method, statistics, layers: info.moeLayers, experts: info.experts, topK: info.topK, groups: info.expertGroups },
    ...{ keep, budget, pins, seed, options, protect, ...(taskWeights === undefined ? {} : { taskWeights }), ...(counts === undefined ? {} : { counts }) },
  });
  const plan: Plan = { ...made, model: { name, fingerprint }, tasks: tasks.map((task) => task.name) };
  return { plan, cost: planCost(info, plan) };
};

export const planCalls = (context: EngineContext): Pick<Answers, PlanCall> => ({
  'methods.list': answer(calls['methods.list'], () => methodName.options.map((name) => methodPage(methods[name]))),
  'plan.make': answer(calls['plan.make'], (request) => makeRequestedPlan(context, request)),
  'plan.cost': answer(calls['plan.cost'], async ({ model, plan }) => {
    const { info } = await context.checkpoint(context.handles.resolve(model));
    return planCost(info, validatePlan(plan, info));
  }),
  'plan.import': answer(calls['plan.import'], async (request) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(request.model));
    return importPlan(request, checkpoint, context.workspace.overlayFolder);
  }),
});
