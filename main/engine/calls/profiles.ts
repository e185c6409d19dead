import { calls, type ProfilePurpose } from '../../contract/calls.ts';
import type { TaskProfile } from '../../contract/profile.ts';
import { profileJob, readStoredProfile, requireCalibration, taskProfileOf } from '../../jobs/profile-job.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import type { ExtraStatistic, RoutingStatistics } from '../../profile/routing-statistics.ts';
import { methodNamed } from '../../pruning/methods.ts';
import { combinedExtras, planNeeds } from '../../pruning/plan-needs.ts';
import type { Task } from '../../tasks/task.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { openRunModels, openRunTasks } from '../run-subjects.ts';
import { nameList, startRun } from '../start-run.ts';

/**
 * The stored profile of a model on a task, those of the sample included, that holds the extras; null where the model was
 * not profiled so on it.
 */
export const storedProfile = async (
  context: EngineContext,
  fingerprint: string,
  task: Task,
  extras: readonly ExtraStatistic[] = [],
): Promise<RoutingStatistics | null> => {
  await Promise.allSettled([context.sampleRestored()]);
  const statistics = await readStoredProfile(context.workspace.steps, fingerprint, task, context.numerics, extras);
  // One that is missing may be missing because of what hindered the sample: that is told then.
  if (statistics === null) await context.sampleRestored();
  return statistics;
};

/**
 * What the methods look at beyond routing.
 *
 * @throws WorkbenchError `no-such-method`, `bad-option`.
 */
export const methodExtras = ({ methods, options, budget, protect }: ProfilePurpose): readonly ExtraStatistic[] => {
  Object.keys(options).forEach(methodNamed);
  return combinedExtras(methods.map((method) => planNeeds({ method, options: options[method], budget, protect })));
};

type ProfileCall = 'profile.read' | 'profile.start';

export const profileCalls = (context: EngineContext): Pick<Answers, ProfileCall> => ({
  'profile.read': answer(calls['profile.read'], async ({ model, tasks }) => {
    const { fingerprint } = await context.checkpoint(context.handles.resolve(model));
    const profiles: TaskProfile[] = [];
    for (const { name, task } of await openRunTasks(context, tasks)) {
      const statistics = await storedProfile(context, fingerprint, task);
      if (statistics !== null) profiles.push(taskProfileOf({ name, hash: task.hash }, statistics));
    }
    return profiles;
  }),
  'profile.start': answer(calls['profile.start'], async ({ model: handle, tasks: handles, ...purpose }) => {
    const models = await openRunModels(context, [handle]);
    const tasks = await openRunTasks(context, handles);
    tasks.forEach(({ task }) => requireCalibration(task));
    const title = `Profile of ${nameList(
      models.map(({ name }) => name),
      'models',
    )} on ${nameList(
      tasks.map(({ name }) => name),
      'tasks',
    )}`;
    const [model] = models;
    if (model === undefined) throw new Error('a handle without a model');
    await requireTokenizer(model.checkpoint);
    return startRun(
      context,
      { kind: 'profile', title, spec: purpose.methods.length === 0 ? {} : purpose, models, tasks },
      profileJob(model, tasks, methodExtras(purpose)),
    );
  }),
});
