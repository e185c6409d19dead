import { stepSummary } from '../words/sweep-facts.ts';
import { CancelledError, refuse } from '../contract/errors.ts';
import type { ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import type { TaskItem, WrittenItem } from '../contract/task.ts';
import type { ExtraStatistic, RoutingStatistics } from '../profile/routing-statistics.ts';
import { isWrittenItem } from '../tasks/task.ts';
import { type ProfiledTask, writeProfileFile } from '../workspace/profile-file.ts';
import { type Job, type JobContext, jobOn, type RunModel, type RunTask, writeResult } from './job-context.ts';
import { evaluatePlan, type Measurement } from './measurement.ts';
import { profileStep } from './plan-step.ts';
import { runStep, type SingleStep, totalWork } from './step.ts';
import { askedTasks, openTokenCounter } from './task-work.ts';

/** How many times as much as a token of the context the last token of an answer counts under `endings`. */
export const END_WEIGHT = 4;

/** An item with its answer by the unpruned model. */
const answered = (
  item: TaskItem,
  outcome: ItemOutcome | undefined,
): { readonly item: WrittenItem; readonly outcome: WrittenOutcome } => {
  if (!isWrittenItem(item) || outcome?.kind !== 'written' || outcome.id !== item.id)
    throw new Error(`nothing was written to calibration item "${item.id}"`);
  return { item, outcome };
};

/**
 * Items whose profiled text is the model's own instead of the right answer: up to the stop string; or, for `endings`,
 * only of answers that ended by themselves, with the first stop string where one ended them, and weighted to their
 * ends.
 */
export const profiledOn = (
  calibration: 'written' | 'endings',
  items: readonly TaskItem[],
  outcomes: readonly ItemOutcome[],
): readonly WrittenItem[] => {
  const results = items.map((item, index) => answered(item, outcomes[index]));
  if (calibration === 'written') return results.map(({ item, outcome }) => ({ ...item, profiled: outcome.text }));
  return results
    .filter(({ outcome }) => outcome.stopped !== 'length')
    .map(({ item, outcome }) => ({
      ...item,
      profiled: outcome.text + (outcome.stopped === 'until' ? (item.until[0] ?? '') : ''),
      endWeight: END_WEIGHT,
    }));
};

/**
 * A task whose calibration answers are replaced by texts of the unpruned model.
 *
 * @throws WorkbenchError `nothing-ended` where complete answers are asked for, and there is none.
 */
export const writtenCalibration = async (
  context: JobContext,
  measurement: Measurement,
  how: 'written' | 'endings',
): Promise<RunTask> => {
  const { task, items } = measurement;
  const outcomes = await evaluatePlan(context, measurement, null);
  const calibration = profiledOn(how, items, outcomes);
  if (calibration.length === 0)
    throw refuse(
      'nothing-ended',
      `The unpruned model ends none of its answers to the calibration items of ${task.name} by itself.`,
      'Calibrate on the right answers, or raise the most tokens of an answer.',
    );
  return { ...task, task: { ...task.task, calibration } };
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
    const { name, fingerprint, identity: sha256 } = model.checkpoint;
    const output = await writeResult(context, 'profile.safetensors', (file) =>
      writeProfileFile(file, { model: name, fingerprint, sha256, tasks: profiled }),
    );
    return { output, summary: stepSummary(context.meter) };
  });
