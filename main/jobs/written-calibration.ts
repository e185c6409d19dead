import { refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import type { TaskItem } from '../contract/task.ts';
import { hashItems } from '../tasks/items.ts';
import { isWrittenItem } from '../tasks/task.ts';
import { evaluationSteps, type GroupSizer } from './evaluation-step.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { evaluationKey } from './step-key.ts';
import { needsCalibration } from './sweep-work.ts';
import { writingIdentity } from './write-items.ts';

/** Whether the unpruned model has to write to the calibration items before anything is made from them. */
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

/** A written item that is profiled on what was written to it, up to the stop string, instead of its answer. */
const profiledOn = (item: TaskItem, outcome: ItemOutcome | undefined): TaskItem => {
  if (!isWrittenItem(item) || outcome?.kind !== 'written' || outcome.id !== item.id)
    throw new Error(`nothing was written to calibration item "${item.id}"`);
  return { ...item, profiled: outcome.text };
};

/**
 * The task with what the unpruned model writes to its calibration items in the place of their answers: a step like any
 * evaluation. `work`: tokens of these items and of the most that may be written.
 */
export const writtenCalibration = async (
  context: JobContext,
  model: RunModel,
  { name, task }: RunTask,
  work: number,
  sizer: GroupSizer,
): Promise<RunTask> => {
  const items = task.calibration;
  const itemsHash = hashItems(items);
  const { identity, info } = model.checkpoint;
  const key = evaluationKey({
    model: identity,
    experts: info.experts,
    itemsHash,
    plan: null,
    numerics: context.numerics,
    writing: await writingIdentity(model.checkpoint, task),
  });
  const measurement = { model, task: { name, task }, items, itemsHash, work };
  const calibration: TaskItem[] = [];
  await evaluationSteps(context, measurement, [{ key, plan: null }], sizer, (_, outcomes) => {
    items.forEach((item, index) => calibration.push(profiledOn(item, outcomes[index])));
    return Promise.resolve();
  });
  return { name, task: { ...task, calibration } };
};
