import { join } from 'node:path';
import { CancelledError, refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import { produceFileAtomically } from '../files/write-atomically.ts';
import {
  type ExtraStatistic,
  extraStatistics,
  type RoutingStatistics,
  runsEveryExpert,
} from '../profile/routing-statistics.ts';
import { extrasInWords } from '../pruning/plan-needs.ts';
import { hashItems } from '../tasks/items.ts';
import type { Task } from '../tasks/task.ts';
import { profileContent, type ProfiledTask, readProfileFile, writeProfileFile } from '../workspace/profile-file.ts';
import type { StepStore } from '../workspace/step-store.ts';
import { askedTasks } from './asked-tasks.ts';
import { type Job, type JobContext, jobOn, type RunModel, type RunTask } from './job-context.ts';
import { type Numerics, profileKey, stepSummary } from './step-key.ts';
import { openTokenCounter } from './task-work.ts';

/** Key of the profile of a model (Checkpoint.identity) on a task's calibration split; `extras` in their own order. */
export const taskProfileKey = (
  model: string,
  task: Task,
  numerics: Numerics,
  extras: readonly ExtraStatistic[] = [],
): string => profileKey(model, hashItems(task.calibration), numerics, extras);

/** A task without calibration items cannot be profiled. */
export const requireCalibration = (task: Task): void => {
  if (task.calibration.length > 0) return;
  throw refuse(
    'no-calibration',
    `${task.path} has test items only: there is no calibration split to profile.`,
    'Choose its calibration items (in the list of tasks, or by --split or --calibrate-on), or use only the method ' +
      'random, which needs no profile.',
  );
};

/** Sets of extras that hold these, the smallest first: a profile that looked at more serves as well. */
const setsWith = (extras: readonly ExtraStatistic[]): readonly (readonly ExtraStatistic[])[] => {
  const others = extraStatistics.filter((extra) => !extras.includes(extra));
  const sets = Array.from({ length: 2 ** others.length }, (_, bits) =>
    extraStatistics.filter((extra) => extras.includes(extra) || (bits & (1 << others.indexOf(extra))) !== 0),
  );
  return sets.sort((a, b) => a.length - b.length);
};

/** File of the stored profile that holds the extras, or null where the model was not profiled so on the task. */
export const storedProfileFile = async (
  steps: StepStore,
  model: string,
  task: Task,
  numerics: Numerics,
  extras: readonly ExtraStatistic[] = [],
): Promise<string | null> => {
  // Hashed once: there are dozens of sets, and a task may have many items.
  const itemsHash = hashItems(task.calibration);
  for (const set of setsWith(extras)) {
    const key = profileKey(model, itemsHash, numerics, set);
    const file = await steps.readTensors(key, 'profile');
    if (file !== null) return file;
  }
  return null;
};

/** The stored profile that holds the extras, or null where the model was not profiled so on the task. */
export const readStoredProfile = async (
  steps: StepStore,
  model: string,
  task: Task,
  numerics: Numerics,
  extras: readonly ExtraStatistic[] = [],
): Promise<RoutingStatistics | null> => {
  const file = await storedProfileFile(steps, model, task, numerics, extras);
  return file === null ? null : ((await readProfileFile(file)).tasks[0]?.statistics ?? null);
};

/**
 * Work of a profile on items of so many tokens, in tokens that are only routed. For the time left: running every expert
 * on every token took a fifth more per E / K, and trying what a layer gives without experts E^2 / 40 more (bundled
 * models).
 */
export const profileWork = (
  tokens: number,
  extras: readonly ExtraStatistic[],
  { experts, topK }: Pick<ModelInfo, 'experts' | 'topK'>,
): number =>
  tokens *
  (1 +
    (runsEveryExpert(extras) ? experts / Math.max(1, topK) / 5 : 0) +
    (extras.includes('elimination') ? experts ** 2 / 40 : 0));

/**
 * Statistics of a model on a task: from disk, or computed and stored. `tokens`: of its calibration items. `extras`:
 * what to look at beyond routing.
 */
export const profileStep = async (
  context: JobContext,
  model: RunModel,
  { name, task }: RunTask,
  tokens: number,
  extras: readonly ExtraStatistic[] = [],
): Promise<RoutingStatistics> => {
  const { steps, meter, signal } = context;
  const { identity, info } = model.checkpoint;
  const work = profileWork(tokens, extras, info);
  const stored = await readStoredProfile(steps, identity, task, context.numerics, extras);
  if (stored !== null) {
    meter.reuse(work);
    return stored;
  }
  const key = taskProfileKey(identity, task, context.numerics, extras);
  const also = extrasInWords(extras, info.experts, info.topK);
  meter.describe(`Profiling ${model.name} on ${name}${also === null ? '' : ` (also ${also})`}`);
  const runner = await context.runners.open(model.checkpoint);
  meter.begin(work);
  const statistics = await runner.profile(
    task.calibration,
    { signal, onProgress: (done, total) => meter.advance(done / total) },
    extras,
  );
  const { name: modelName, fingerprint } = model.checkpoint;
  const tasks = [{ name: task.name, hash: task.hash, statistics }];
  await steps.writeTensors(key, 'profile', profileContent({ model: modelName, fingerprint, tasks }));
  meter.finish();
  context.emit({ type: 'profile.ready', run: context.run, fingerprint, task: name });
  return statistics;
};

/**
 * Profiles a model on tasks, one step per task, and gathers them in the run's `profile.safetensors`. `extras`: what to
 * look at beyond routing. `chat`: the tasks as the model's chat template asks them.
 */
export const profileJob = (
  model: RunModel,
  plain: readonly RunTask[],
  extras: readonly ExtraStatistic[] = [],
  chat?: boolean,
): Job =>
  jobOn([model.checkpoint], async (context) => {
    context.meter.describe('Reading tasks');
    const tasks = await askedTasks(model, plain, chat, context.madeAt);
    const measure = await openTokenCounter(model.checkpoint, context.signal);
    const tokens: number[] = [];
    for (const { task } of tasks) tokens.push(await measure.profiling(task.calibration));
    context.meter.setTotal(tokens.reduce((sum, count) => sum + profileWork(count, extras, model.checkpoint.info), 0));
    const profiled: ProfiledTask[] = [];
    for (const [index, task] of tasks.entries()) {
      if (context.signal.aborted) throw new CancelledError('The profile');
      const statistics = await profileStep(context, model, task, tokens[index] ?? 0, extras);
      profiled.push({ name: task.name, hash: task.task.hash, statistics });
    }
    const output = join(context.folder, 'profile.safetensors');
    const { name, fingerprint } = model.checkpoint;
    await context.requireRun();
    await context.requireUnchanged();
    await produceFileAtomically(
      output,
      (file) => writeProfileFile(file, { model: name, fingerprint, tasks: profiled }),
      context.temporaryFolder,
    );
    return { output, summary: stepSummary(context.meter) };
  });
