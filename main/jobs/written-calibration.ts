import { refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import type { TaskItem } from '../contract/task.ts';
import { isWrittenItem } from '../tasks/task.ts';
import { evaluatePlan } from './evaluation-step.ts';
import type { JobContext, RunTask } from './job-context.ts';
import type { Measurement } from './measurement.ts';
import { needsCalibration } from './sweep-curves.ts';

/** Whether the calibration items are first answered by the unpruned model. */
export const writesCalibration = (settings: SweepSettings): boolean =>
  settings.calibration === 'written' && needsCalibration(settings);

/** Refuses (`nothing-written`) tasks whose answers are chosen where the calibration is to be written. */
export const requireWritten = (
  { calibration }: Pick<SweepSettings, 'calibration'>,
  tasks: readonly RunTask[],
): void => {
  const chosen = tasks.find(({ task }) => task.judging === undefined);
  if (calibration !== 'written' || chosen === undefined) return;
  throw refuse(
    'nothing-written',
    `${chosen.name} is not a task whose answers are written, so the unpruned model writes nothing to its ` +
      `calibration items.`,
    'Leave it out, or calibrate on the answers.',
  );
};

/** A written item that is profiled on the text written to it, up to the stop string, instead of its answer. */
const profiledOn = (item: TaskItem, outcome: ItemOutcome | undefined): TaskItem => {
  if (!isWrittenItem(item) || outcome?.kind !== 'written' || outcome.id !== item.id)
    throw new Error(`nothing was written to calibration item "${item.id}"`);
  return { ...item, profiled: outcome.text };
};

/** A task with the texts of the unpruned model in place of the answers to its calibration items. */
export const writtenCalibration = async (context: JobContext, measurement: Measurement): Promise<RunTask> => {
  const { task, items } = measurement;
  const outcomes = await evaluatePlan(context, measurement, null);
  const calibration = items.map((item, index) => profiledOn(item, outcomes[index]));
  return { ...task, task: { ...task.task, calibration } };
};
