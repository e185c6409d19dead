import { refuse } from '../contract/errors.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { hashItems } from '../tasks/hash-items.ts';
import type { Task } from '../tasks/task.ts';
import { readProfileFile, writeProfileFile } from '../workspace/profile-file.ts';
import type { StepStore } from '../workspace/step-store.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { profileKey, type Numerics } from './step-key.ts';

/** Key of the profile of a model on a task's calibration split. */
export const taskProfileKey = (fingerprint: string, task: Task, numerics: Numerics): string =>
  profileKey(fingerprint, hashItems(task.calibration), numerics);

/** A task without calibration items cannot be profiled. */
export const requireCalibration = (task: Task): void => {
  if (task.calibration.length > 0) return;
  throw refuse(
    'no-calibration',
    `${task.path} has test items only: there is no calibration split to profile.`,
    'Use a task folder with calibration.jsonl, or only the method random, which needs no profile.',
  );
};

/** The stored profile, or null where the model was not profiled on the task. */
export const readStoredProfile = async (steps: StepStore, key: string): Promise<RoutingStatistics | null> => {
  if (!(await steps.has(key, 'safetensors'))) return null;
  const { tasks } = await readProfileFile(steps.path(key, 'safetensors'));
  return tasks[0]?.statistics ?? null;
};

/** Statistics of a model on a task: from disk, or computed and stored. `work`: tokens, for the meter. */
export const profileStep = async (context: JobContext, model: RunModel, { name, task }: RunTask, work: number): Promise<RoutingStatistics> => {
  const { steps, meter, signal } = context;
  const key = taskProfileKey(model.checkpoint.fingerprint, task, context.numerics);
  const stored = await readStoredProfile(steps, key);
  if (stored !== null) {
    meter.reuse(work);
    return stored;
  }
  meter.describe(`Profiling ${model.name} on ${name}`);
  const runner = await context.runners.open(model.checkpoint);
  meter.begin(work);
  const statistics = await runner.profile(task.calibration, { signal, onProgress: (done, total) => meter.advance(done / total) });
  await steps.produce(key, 'safetensors', (temporary) =>
    writeProfileFile(temporary, {
      model: model.checkpoint.name,
      fingerprint: model.checkpoint.fingerprint,
      tasks: [{ name: task.name, hash: task.hash, statistics }],
    }),
  );
  meter.finish();
  context.emit({ type: 'profile.ready', run: context.run, fingerprint: model.checkpoint.fingerprint, task: name });
  return statistics;
};
