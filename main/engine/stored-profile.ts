import { readStoredProfile } from '../jobs/profile-step.ts';
import type { ExtraStatistic } from '../profile/extra-statistics.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import type { Task } from '../tasks/task.ts';
import type { EngineContext } from './engine-context.ts';

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
