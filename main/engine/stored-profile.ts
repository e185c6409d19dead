import { readStoredProfile, taskProfileKey } from '../jobs/profile-step.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import type { Task } from '../tasks/task.ts';
import type { EngineContext } from './engine-context.ts';

/** The stored profile of a model on a task, those of the sample included; null where the model was not profiled on it. */
export const storedProfile = async (context: EngineContext, fingerprint: string, task: Task): Promise<RoutingStatistics | null> => {
  await Promise.allSettled([context.sampleRestored()]);
  const statistics = await readStoredProfile(context.workspace.steps, taskProfileKey(fingerprint, task, context.numerics));
  // One that is missing may be missing because of what hindered the sample: that is told then.
  if (statistics === null) await context.sampleRestored();
  return statistics;
};
