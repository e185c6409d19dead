import { basename } from 'node:path';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import type { ImportedPlan, PlanImport, PlanRequest } from '../../contract/calls.ts';
import { refuse } from '../../contract/errors.ts';
import type { MethodName, Plan } from '../../contract/plan.ts';
import { withConstants } from '../../inference/expert-constants.ts';
import type { Overlays } from '../../inference/overlays.ts';
import { keepFromFactor } from '../../contract/keep-from-factor.ts';
import type { RunTask } from '../../jobs/job-context.ts';
import {
  countsByLosses,
  type LayerLosses,
  measuresLayers,
  readLayerLosses,
  requireUnevenLayers,
} from '../../jobs/layer-losses.ts';
import { identify } from '../../jobs/source-gate.ts';
import { askedTasks } from '../../jobs/task-work.ts';
import type { ExtraStatistic } from '../../profile/routing-statistics.ts';
import type { Ranking } from '../../pruning/expert-files/routed-experts.ts';
import { onlyPlan, readExpertFile } from '../../pruning/expert-files/read-expert-file.ts';
import { readRankingText } from '../../pruning/expert-files/importance-matrix.ts';
import { foldsByProfile } from '../../pruning/gates.ts';
import { type PlannedModel, rankedPlanForModel } from '../../pruning/make-plan.ts';
import { methodPage } from '../../pruning/method-page.ts';
import { methods } from '../../pruning/methods.ts';
import { planCost } from '../../pruning/plan-cost.ts';
import { extrasInWords, planNeeds } from '../../pruning/plan-needs.ts';
import { taskShares } from '../../pruning/weighed-profiles.ts';
import { validatePlan } from '../../pruning/validate-plan.ts';
import { readFirstProfile } from '../../workspace/profile-cache.ts';
import { changedSubject } from '../changed-since.ts';
import { profiledHash } from '../../tasks/kept-facts.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { openRunTasks } from '../run-subjects.ts';
import { fileOfProfile } from './profiles.ts';

const notesOn = async (
  { model, recovery }: Plan,
  { name, fingerprint }: PlannedModel,
  overlays: Overlays,
): Promise<string[]> => [
  ...(model === undefined || model.fingerprint === fingerprint
    ? []
    : [`The plan was made for ${model.name} with different weights from those of ${name} here.`]),
  ...(recovery === undefined || (await overlays.read(recovery.weights)).isSound
    ? []
    : [
        `The refitted weights of the plan are not in this workspace: it cannot be exported. Repeat the recovery ` +
          `on ${recovery.tasks.join(', ')}.`,
      ]),
];

const rankedPlan = ({ counts, ...request }: PlanImport, subject: PlannedModel, ranking: Ranking): Plan =>
  rankedPlanForModel(subject, { ...request, ranking, counts, budget: counts === undefined ? 'uniform' : 'manual' });

/**
 * Reads a plan file or a ranking file, and checks it against the model.
 *
 * @throws WorkbenchError those of `readExpertFile`, `onlyPlan` and `rankedPlanForModel`.
 */
export const importPlan = async (
  request: PlanImport,
  subject: PlannedModel,
  overlays: Overlays,
): Promise<ImportedPlan> => {
  const file = readExpertFile(request.text, request.name, subject.info);
  const plan = file.kind === 'plans' ? onlyPlan(file.plans, request.name) : rankedPlan(request, subject, file.ranking);
  return {
    kind: file.kind === 'plans' ? 'plan' : 'ranking',
    plan,
    cost: planCost(subject.info, plan),
    notes: await notesOn(plan, subject, overlays),
  };
};

/** Paths of the profiles of the tasks, in their order. */
const requiredProfiles = async (
  context: EngineContext,
  checkpoint: Checkpoint,
  tasks: readonly RunTask[],
  { method, chat }: Pick<PlanRequest, 'method' | 'chat'>,
  extras: readonly ExtraStatistic[],
): Promise<string[]> => {
  const { info } = checkpoint;
  const profiles: string[] = [];
  const asked = await askedTasks({ checkpoint }, tasks, chat, new Date(context.now()));
  for (const [index, { name, task }] of tasks.entries()) {
    const profile = await fileOfProfile(context, checkpoint, profiledHash(asked[index]?.task ?? task), extras);
    if (profile === null)
      throw (
        (await changedSubject(context, checkpoint, task)) ??
        profileMissing(name, method, extrasInWords(extras, info.experts, info.topK))
      );
    profiles.push(profile);
  }
  return profiles;
};

const profileMissing = (task: string, method: MethodName, also: string | null): Error =>
  also === null
    ? refuse('profile-missing', `The model was not profiled on ${task} yet.`, 'Profile it on this task first.')
    : refuse(
        'profile-missing',
        `The model was not yet profiled on ${task} for the method ${method}, which needs ${also}.`,
        `Profile it on this task for ${method}, or run a sweep with it.`,
      );

/**
 * The kept experts of each layer under the budget "measured", from the losses that a sweep has stored; nothing where
 * the method decides about layers itself.
 *
 * @throws WorkbenchError `layers-unmeasured`.
 */
const measuredSize = async (
  context: EngineContext,
  { method, options, protect, gates, seed, keep, factor, taskWeights, chat }: PlanRequest,
  checkpoint: Checkpoint,
  tasks: readonly RunTask[],
  signal: AbortSignal,
): Promise<
  { readonly counts: number[]; readonly keep: undefined; readonly factor: undefined } | Record<string, never>
> => {
  const order = { method, options, protect, gates, seed };
  if (!measuresLayers(order)) return {};
  requireUnevenLayers(checkpoint);
  const { info, name } = checkpoint;
  const { identity } = await identify(checkpoint, { signal });
  const asked = await askedTasks({ checkpoint }, tasks, chat, new Date(context.now()));
  const losses: LayerLosses[] = [];
  for (const { name: taskName, task } of asked) {
    const subject = { identity, info, calibration: task.calibration, numerics: context.numerics };
    const known = await readLayerLosses(context.workspace.steps, subject, order);
    if (known === null)
      throw refuse(
        'layers-unmeasured',
        `The layers of ${name} were not yet pruned one by one on ${taskName} by ${method}.`,
        'Measure this plan, or run a sweep with the budget measured: it prunes each layer alone first.',
      );
    losses.push(known);
  }
  const kept = keep ?? keepFromFactor(info.experts, info.topK, factor ?? 1);
  const counts = countsByLosses(losses, taskShares(taskWeights, losses.length), info.experts, kept);
  return { counts: [...counts], keep: undefined, factor: undefined };
};

const makeRequestedPlan = async (
  context: EngineContext,
  request: PlanRequest,
  signal: AbortSignal,
): Promise<{ plan: Plan; cost: ReturnType<typeof planCost> }> => {
  const checkpoint = await context.checkpoint(context.handles.resolve(request.model));
  const { name, info } = checkpoint;
  const tasks = await openRunTasks(context, request.tasks);
  const { model: _model, tasks: _tasks, chat: _chat, ...order } = request;
  const { method, options, budget, protect, gates } = request;
  const needs = planNeeds({ method, options, budget, protect });
  const readsProfile = needs.profile || foldsByProfile(info, gates);
  const profiles = readsProfile ? await requiredProfiles(context, checkpoint, tasks, request, needs.extras) : [];
  const size = budget === 'measured' ? await measuredSize(context, request, checkpoint, tasks, signal) : {};
  // A plan names its model; one that was not hashed yet has no profile, so only plans without one wait for it.
  const { fingerprint } = await identify(checkpoint, { signal });
  const made = await context.reader.read(
    {
      read: 'plan',
      subject: { name, fingerprint, info },
      tasks: tasks.map((task) => task.name),
      profiles,
      order: { ...order, ...size },
      leavesConstants: needs.constants,
      memoryBudgetBytes: context.memory.budgetBytes,
    },
    signal,
  );
  const read = needs.constants ? await Promise.all(profiles.map(readFirstProfile)) : [];
  const statistics = read.flatMap((entry) => entry ?? []);
  const weighed = { statistics, taskShares: taskShares(request.taskWeights, statistics.length) };
  const plan = await withConstants(made, needs.constants, checkpoint, weighed, context.workspace.steps.overlays);
  return { plan, cost: planCost(info, plan) };
};

export const planCalls = (context: EngineContext): AnswersTo<'methods' | 'plan' | 'ranking'> => ({
  'methods.list': () => methods.map(methodPage),
  'plan.make': (request, signal) => makeRequestedPlan(context, request, signal),
  'plan.cost': async ({ model, plan }) => {
    const { info } = await context.checkpoint(context.handles.resolve(model));
    return planCost(info, validatePlan(plan, info));
  },
  'plan.import': async (request, signal) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(request.model));
    await identify(checkpoint, { signal });
    return importPlan(request, checkpoint, context.workspace.steps.overlays);
  },
  'ranking.take': async ({ model, file }) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(model));
    const path = context.handles.resolve(file);
    const { text, notes } = await readRankingText(path, checkpoint);
    // Checked here, so that a file that is no ranking is refused by its own name.
    readExpertFile(text, basename(path), checkpoint.info);
    return { name: basename(path), text, notes: [...notes] };
  },
});
