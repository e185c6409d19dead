import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sourcesText } from '../checkpoint/model-sources.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { type ArmTraining, armTraining } from '../contract/experiment.ts';
import { decisiveSettings, type FinetuneSettings } from '../contract/finetune.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { exportPlan } from '../export/export-plan.ts';
import type { ExportMachine } from '../export/export-progress.ts';
import type { TrainingPython } from '../finetune/find-python.ts';
import type { Mixture } from '../finetune/mixture.ts';
import { hashItems } from '../tasks/items.ts';
import { exportSettings } from './export-job.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { evaluationStep } from './measurement.ts';
import { ARMS_FOLDER } from './state-folders.ts';
import { type SingleStep, type Step, stepKey, tunedKeys } from './step.ts';
import { publishTraining, requireTrainingSpace, trainCheckpoint, type TrainingOrder } from './train-checkpoint.ts';
import { answerItems, writingIdentity } from './write-items.ts';

/** Characters of a step's key in the name of its folder. */
const NAME_CHARACTERS = 16;

/**
 * Work of a training in scored tokens, per calibration token and epoch. Measured on the bundled models with one thread
 * each, where starting Python is a large part.
 */
const TRAINING_WORK = 20;
/** Work of a step of the general stage in scored tokens: 48 sequences of 64 tokens on a bundled model. */
const GENERAL_STEP_WORK = 9_000;

/** Work of a training on this number of calibration tokens. */
export const trainingWork = (
  { stages, epochs, generalSteps }: Pick<FinetuneSettings, 'stages' | 'epochs' | 'generalSteps'>,
  calibrationTokens: number,
): number =>
  TRAINING_WORK * epochs * calibrationTokens + (stages.includes('general') ? GENERAL_STEP_WORK * generalSteps : 0);

/** The programs that train fine-tuned arms, and their settings. */
export interface TunedArms {
  /** Texts of the general stage, without test items of any task; null where no arm has that stage. */
  readonly mixture: Mixture | null;
  readonly python: TrainingPython;
  readonly script: string;
  readonly threads: number;
  readonly engineVersion: string;
  /** For exporting the models to train. */
  readonly machine: ExportMachine;
}

/** A task, and its test items on which an arm is measured. */
export interface MeasuredTask {
  readonly task: RunTask;
  readonly items: readonly TaskItem[];
}

export interface TunedOrder extends MeasuredTask {
  readonly model: RunModel;
  readonly settings: FinetuneSettings;
  /**
   * Other tasks with exactly the same training tokens, for example the chosen and the written form of a task: the same
   * training is measured on them too, and their steps are written.
   */
  readonly twins: readonly MeasuredTask[];
  /** Null: the member as it was pretrained. */
  readonly plan: Plan | null;
  readonly work: number;
}

const storedArm = z.object({ kind: z.literal('tuned'), training: armTraining });

/** Where an arm is trained, and the key of its step. */
interface ArmPlace {
  readonly folder: string;
  readonly key: string;
}

export interface TunedArm {
  readonly outcomes: readonly ItemOutcome[];
  readonly training: ArmTraining;
}

const mixtureOf = ({ settings }: TunedOrder, { mixture }: TunedArms): Mixture | null => {
  if (!settings.stages.includes('general')) return null;
  if (mixture === null) throw new Error('a general stage without a mixture');
  return mixture;
};

/** The step of an arm on one of its tasks. */
const armStep = async (
  { numerics, judge }: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  { task, items }: MeasuredTask,
): Promise<Step<TunedArm>> => {
  const { model, plan, settings, work } = order;
  const itemsHash = hashItems(items);
  const writing = await writingIdentity(model.checkpoint, task.task, judge);
  const keys = tunedKeys({
    model: model.checkpoint.identity,
    experts: model.checkpoint.info.experts,
    plan,
    calibrationHash: hashItems(task.task.calibration),
    itemsHash,
    settings: decisiveSettings(settings),
    mixture: mixtureOf(order, arms)?.hash,
    python: arms.python.versions,
    threads: arms.threads,
    numerics,
    writing,
  });
  const answers = evaluationStep({ model, task, itemsHash, work, numerics, writing }, plan, keys.evaluation);
  return {
    key: keys.training,
    work,
    read: async (steps) => {
      const stored = await steps.readJson(keys.training, storedArm);
      const outcomes = stored === null ? null : await answers.read(steps);
      return stored === null || outcomes === null ? null : { outcomes, training: stored.training };
    },
    write: async (steps, { outcomes, training }) => {
      await answers.write(steps, outcomes);
      // Written last: without it the arm counts as missing.
      await steps.writeJson(keys.training, { kind: 'tuned', training });
    },
  };
};

/** The checkpoint to train: the member's own, or a verified export of the plan, which a resumed arm takes over. */
const trainedSource = async (
  context: JobContext,
  { model: { checkpoint }, plan }: TunedOrder,
  { machine, engineVersion }: TunedArms,
  { folder, key }: ArmPlace,
): Promise<Checkpoint> => {
  if (plan === null) return checkpoint;
  const destination = join(folder, 'pruned');
  const read = [checkpoint.identity, sourcesText(checkpoint.sources)];
  const pruned = context.steps.partial(destination, stepKey({ kind: 'pruned-arm', step: key, read, engineVersion }));
  const before = await pruned.continued(() => openCheckpoint(destination));
  if (before !== null) return before.opened;
  // Exports are proven by onnxruntime, whichever engine measures.
  const settings = exportSettings({ ...context, runners: context.referee ?? context.runners }, machine);
  await exportPlan({ checkpoint, plan, destination, settings, control: { signal: context.signal } });
  const made = await openCheckpoint(destination);
  await pruned.sealAll();
  return made;
};

/** Trains the arm; the state of a cancelled or killed training stays in `folder`. */
const trainArm = async (
  context: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  place: ArmPlace,
): Promise<{ readonly tuned: string; readonly training: ArmTraining }> => {
  const { meter } = context;
  const { model, task, plan, settings } = order;
  const { folder } = place;
  const tuned = join(folder, 'tuned');
  await rm(tuned, { recursive: true, force: true });
  const source = await trainedSource(context, order, arms, place);
  const name = plan === null ? model.name : `${model.name} pruned to ${source.info.experts}`;
  const { script, threads, engineVersion } = arms;
  const training: TrainingOrder = {
    name,
    checkpoint: source,
    tasks: [task],
    // `checkExperiment` refuses the stage that has a teacher.
    teacher: null,
    mixture: mixtureOf(order, arms),
    settings,
    python: () => Promise.resolve(arms.python),
    script,
    threads,
    engineVersion,
  };
  await requireTrainingSpace(training, folder, tuned);
  meter.describe(`Fine-tuning ${name} on ${task.name}`);
  let steps = 0;
  const result = await trainCheckpoint(context, training, folder, {
    onStart: (total) => {
      steps = total;
    },
    onResumed: () => undefined,
    onStep: ({ done, loss }) => {
      meter.describe(`Fine-tuning ${name} on ${task.name}: step ${done} of ${steps}, loss ${loss.toFixed(4)}`);
      meter.advance(done / Math.max(1, steps));
    },
  });
  const { first: firstLoss, last: lastLoss, ...rest } = await publishTraining(training, folder, result, tuned);
  return { tuned, training: { steps: rest.steps, firstLoss, lastLoss } };
};

/** Measures the arm on its twins, writing their steps, and on its own task. */
const measureArm = async (
  context: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  tuned: string,
  training: ArmTraining,
): Promise<readonly ItemOutcome[]> => {
  const { steps, signal, judge } = context;
  const runner = await context.runners.openAlone(await openCheckpoint(tuned));
  const answersTo = async ({ task, items }: MeasuredTask): Promise<readonly ItemOutcome[]> =>
    (await answerItems(runner, task.task, items, [{ key: 'tuned', plan: null }], { signal, judge })).get('tuned') ?? [];
  try {
    for (const twin of order.twins) {
      const outcomes = await answersTo(twin);
      await (await armStep(context, order, arms, twin)).write(steps, { outcomes, training });
    }
    return await answersTo(order);
  } finally {
    await runner.dispose();
  }
};

/**
 * A member, pruned by a plan or not, fine-tuned on a task's calibration items and measured on its test items. Its
 * weights are not kept.
 */
export const tunedStep = async (
  context: JobContext,
  order: TunedOrder,
  arms: TunedArms,
): Promise<SingleStep<TunedArm>> => {
  const step = await armStep(context, order, arms, order);
  const folder = join(context.folder, ARMS_FOLDER, step.key.slice(0, NAME_CHARACTERS));
  return {
    ...step,
    title: `Fine-tuning ${order.model.name} on ${order.task.name}`,
    checkpoint: null,
    write: async (steps, arm) => {
      await step.write(steps, arm);
      await rm(folder, { recursive: true, force: true });
    },
    compute: async () => {
      await mkdir(folder, { recursive: true });
      const { tuned, training } = await trainArm(context, order, arms, { folder, key: step.key });
      return { outcomes: await measureArm(context, order, arms, tuned, training), training };
    },
  };
};
