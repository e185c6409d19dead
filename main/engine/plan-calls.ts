import { calls, type PlanRequest } from '../contract/calls.ts';
import { refuse } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import type { RunTask } from '../jobs/job-context.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { keepFromFactor } from '../pruning/keep-from-factor.ts';
import { makePlan } from '../pruning/make-plan.ts';
import { methods } from '../pruning/methods.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { validatePlan } from '../pruning/validate-plan.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';
import { openRunTasks } from './run-subjects.ts';
import { storedProfile } from './stored-profile.ts';

type PlanCall = 'plan.make' | 'plan.cost';

/** Kept experts per layer that a request names by factor or count: exactly one of the two. */
export const requestedKeep = (
  { factor, keep }: { readonly factor?: number | undefined; readonly keep?: number | undefined },
  experts: number,
  topK: number,
): number => {
  if (factor !== undefined && keep === undefined) return keepFromFactor(experts, topK, factor);
  if (keep !== undefined && factor === undefined) return keep;
  throw refuse('factor-or-keep', 'A plan needs a factor or a number of kept experts, and not both.', 'Give one of the two.');
};

const storedProfiles = async (context: EngineContext, fingerprint: string, tasks: readonly RunTask[]): Promise<RoutingStatistics[]> => {
  const profiles: RoutingStatistics[] = [];
  for (const { name, task } of tasks) {
    const statistics = await storedProfile(context, fingerprint, task);
    if (statistics === null) {
      throw refuse('profile-missing', `The model was not profiled on ${name} yet.`, 'Profile it on this task first.');
    }
    profiles.push(statistics);
  }
  return profiles;
};

const makeRequestedPlan = async (context: EngineContext, request: PlanRequest): Promise<{ plan: Plan; cost: ReturnType<typeof planCost> }> => {
  const { info, name, fingerprint } = await context.checkpoint(context.handles.resolve(request.model));
  const tasks = await openRunTasks(context, request.tasks);
  const { method, budget, pins, seed, uncurl } = request;
  const keep = requestedKeep(request, info.experts, info.topK);
  const statistics = methods[method].needs === 'routing' ? await storedProfiles(context, fingerprint, tasks) : [];
  const made = makePlan({ method, statistics, layers: info.moeLayers, experts: info.experts, topK: info.topK, groups: info.expertGroups, keep, budget, pins, seed, uncurl });
  const plan: Plan = { ...made, model: { name, fingerprint }, tasks: tasks.map((task) => task.name) };
  return { plan, cost: planCost(info, plan) };
};

export const planCalls = (context: EngineContext): Pick<Answers, PlanCall> => ({
  'plan.make': answer(calls['plan.make'], (request) => makeRequestedPlan(context, request)),
  'plan.cost': answer(calls['plan.cost'], async ({ model, plan }) => {
    const { info } = await context.checkpoint(context.handles.resolve(model));
    return planCost(info, validatePlan(plan, info));
  }),
});
