import { CancelledError, refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
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
import { type Job, type JobContext, jobOn, type RunModel, type RunTask, writeResult } from './job-context.ts';
import { type Numerics, profileKey } from './step-key.ts';
import { runStep, type SingleStep, stepSummary, totalWork } from './step.ts';
import { askedTasks, openTokenCounter } from './task-work.ts';

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
  throw refuse(
    'no-calibration',
    `${task.path} has test items only: there is no calibration split to profile.`,
    'Choose its calibration items (in the list of tasks, or by --split or --calibrate-on), or use only the method ' +
      'random, which needs no profile.',
  );
};

/** Sets of extras that include these, the smallest first: a profile with more statistics serves as well. */
const setsWith = (extras: readonly ExtraStatistic[]): readonly (readonly ExtraStatistic[])[] => {
  const others = extraStatistics.filter((extra) => !extras.includes(extra));
  const sets = Array.from({ length: 2 ** others.length }, (_, bits) =>
    extraStatistics.filter((extra) => extras.includes(extra) || (bits & (1 << others.indexOf(extra))) !== 0),
  );
  return sets.sort((a, b) => a.length - b.length);
};

/** File of the stored profile with the extras, or null where the model has no such profile on the task. */
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

/** The stored profile with the extras, or null where the model has no such profile on the task. */
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
      const tasks = [{ name: task.name, hash: task.hash, statistics }];
      await steps.writeTensors(key, 'profile', profileContent({ model: modelName, fingerprint, tasks }));
      emit({ type: 'profile.ready', run, fingerprint, task: name });
    },
    compute: async (control) => (await runners.open(checkpoint)).profile(task.calibration, control, extras),
  };
};

/**
 * Profiles a model on tasks, one step per task, and collects them in the run's `profile.safetensors`. `extras`:
 * statistics beyond routing. `chat`: asks the tasks through the model's chat template.
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
    const steps: (readonly [RunTask, SingleStep<RoutingStatistics>])[] = [];
    for (const task of tasks) {
      const tokens = await measure.profiling(task.task.calibration);
      steps.push([task, profileStep(context, model, task, tokens, extras)]);
    }
    context.meter.setTotal(totalWork(steps.map(([, step]) => step)));
    const profiled: ProfiledTask[] = [];
    for (const [task, step] of steps) {
      if (context.signal.aborted) throw new CancelledError('The profile');
      profiled.push({ name: task.name, hash: task.task.hash, statistics: await runStep(context, step) });
    }
    const { name, fingerprint } = model.checkpoint;
    const output = await writeResult(context, 'profile.safetensors', (file) =>
      writeProfileFile(file, { model: name, fingerprint, tasks: profiled }),
    );
    return { output, summary: stepSummary(context.meter) };
  });
