import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { type ArmTraining, armTraining } from '../contract/experiment.ts';
import { decisiveSettings, type FinetuneSettings } from '../contract/finetune.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { exportPlan } from '../export/export-plan.ts';
import type { ExportMachine } from '../export/export-settings.ts';
import { isFile } from '../files/file-errors.ts';
import type { TrainingPython } from '../finetune/find-python.ts';
import type { Mixture } from '../finetune/mixture.ts';
import { hashItems } from '../tasks/items.ts';
import { type AnsweredItems, readEvaluation, writeEvaluation } from './evaluation-record.ts';
import { exportSettings } from './export-job.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import type { KeyedPlan } from './measurement.ts';
import { tunedKeys } from './step-key.ts';
import { publishTraining, requireTrainingSpace, trainCheckpoint, type TrainingOrder } from './train-checkpoint.ts';
import { answerItems, writingIdentity } from './write-items.ts';

/** Folder of a run that holds the arm that is being trained: weights are not kept once it is measured. */
export const ARMS_FOLDER = 'arms';
/** Characters of a step's key that name its folder. */
const NAME_CHARACTERS = 16;

/**
 * Work of a training in tokens that are scored, per calibration token and round. For the time left: measured on the
 * bundled models, one thread each, where starting Python is a good part of it.
 */
const TRAINING_WORK = 20;
/** The same of a step of the general stage, which reads 48 sequences of 64 tokens of a bundled model. */
const GENERAL_STEP_WORK = 9_000;

/** Work of a training on so many calibration tokens. */
export const trainingWork = (
  { stages, epochs, generalSteps }: Pick<FinetuneSettings, 'stages' | 'epochs' | 'generalSteps'>,
  calibrationTokens: number,
): number =>
  TRAINING_WORK * epochs * calibrationTokens + (stages.includes('general') ? GENERAL_STEP_WORK * generalSteps : 0);

/** What trains and measures fine-tuned arms. */
export interface TunedArms {
  /** Of the arms that have a general stage, without a test item of any task; null where there are none. */
  readonly mixture: Mixture | null;
  readonly python: TrainingPython;
  readonly script: string;
  readonly threads: number;
  readonly engineVersion: string;
  /** For the exports that are trained. */
  readonly machine: ExportMachine;
}

/** A task, and its test items that an arm is measured on. */
export interface MeasuredTask {
  readonly task: RunTask;
  readonly items: readonly TaskItem[];
}

export interface TunedOrder extends MeasuredTask {
  readonly model: RunModel;
  readonly settings: FinetuneSettings;
  /**
   * Other tasks whose calibration items are learnt as the very same tokens, chosen and written say: the one training is
   * measured on them too, and their steps are written, so that they are found when their turn comes.
   */
  readonly twins: readonly MeasuredTask[];
  /** Null: the member as it was pretrained. */
  readonly plan: Plan | null;
  readonly work: number;
}

const storedArm = z.object({ kind: z.literal('tuned'), training: armTraining });

export interface TunedArm {
  readonly outcomes: readonly ItemOutcome[];
  readonly training: ArmTraining;
}

const mixtureOf = ({ settings }: TunedOrder, { mixture }: TunedArms): Mixture | null => {
  if (!settings.stages.includes('general')) return null;
  if (mixture === null) throw new Error('a general stage without a mixture');
  return mixture;
};

/** Steps of an arm on one of its tasks: its training, and what it answered to these items. */
interface ArmSteps {
  readonly training: string;
  readonly answered: AnsweredItems;
  readonly evaluation: KeyedPlan;
}

const stepsOf = async (
  { numerics }: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  { task, items }: MeasuredTask,
): Promise<ArmSteps> => {
  const { model, plan, settings } = order;
  const itemsHash = hashItems(items);
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
    writing: await writingIdentity(model.checkpoint, task.task),
  });
  return {
    training: keys.training,
    answered: { model, task, itemsHash },
    evaluation: { key: keys.evaluation, plan },
  };
};

/** The checkpoint to train: the member's own, or an export of the plan, proven like every other. */
const trainedSource = async (
  context: JobContext,
  { model: { checkpoint }, plan }: TunedOrder,
  { machine }: TunedArms,
  folder: string,
): Promise<Checkpoint> => {
  if (plan === null) return checkpoint;
  const destination = join(folder, 'pruned');
  if (!(await isFile(join(destination, 'config.json')))) {
    const settings = exportSettings(context, machine);
    await exportPlan({ checkpoint, plan, destination, settings, control: { signal: context.signal } });
  }
  return openCheckpoint(destination);
};

/** Trains the arm; what was trained when it is cancelled or killed stays in `folder`. */
const trainArm = async (
  context: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  folder: string,
): Promise<{ readonly tuned: string; readonly training: ArmTraining }> => {
  const { meter } = context;
  const { model, task, plan, settings } = order;
  const tuned = join(folder, 'tuned');
  await rm(tuned, { recursive: true, force: true });
  const source = await trainedSource(context, order, arms, folder);
  const name = plan === null ? model.name : `${model.name} pruned to ${String(source.info.experts)}`;
  const { script, threads, engineVersion } = arms;
  const training: TrainingOrder = {
    name,
    checkpoint: source,
    tasks: [task],
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
      meter.describe(
        `Fine-tuning ${name} on ${task.name}: step ${String(done)} of ${String(steps)}, loss ${loss.toFixed(4)}`,
      );
      meter.advance(done / Math.max(1, steps));
    },
    onSaved: () => undefined,
  });
  const { first: firstLoss, last: lastLoss, ...rest } = await publishTraining(training, folder, result, tuned);
  return { tuned, training: { steps: rest.steps, firstLoss, lastLoss } };
};

/** Measures the arm on its task and its twins, and stores a step of each. */
const measureArm = async (
  context: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  tuned: string,
  training: ArmTraining,
): Promise<readonly ItemOutcome[]> => {
  const { steps, signal } = context;
  const { task, items, twins } = order;
  const runner = await context.runners.openAlone(await openCheckpoint(tuned));
  let own: readonly ItemOutcome[] = [];
  try {
    for (const measured of [...twins, { task, items }]) {
      const candidates = [{ key: 'tuned', plan: null }];
      const answers = await answerItems(runner, measured.task.task, measured.items, candidates, { signal });
      own = answers.get('tuned') ?? [];
      const keyed = await stepsOf(context, order, arms, measured);
      await writeEvaluation(steps, keyed.answered, keyed.evaluation, own);
      // Written last: without it the arm counts as not made.
      await steps.writeJson(keyed.training, { kind: 'tuned', training });
    }
  } finally {
    await runner.dispose();
  }
  return own;
};

/**
 * A member, pruned by a plan or not, fine-tuned on a task's calibration items and measured on its test items: from
 * disk, or computed and stored. Its weights are not kept.
 */
export const tunedStep = async (context: JobContext, order: TunedOrder, arms: TunedArms): Promise<TunedArm> => {
  const { steps, meter } = context;
  const { work } = order;
  const own = await stepsOf(context, order, arms, order);
  const stored = await steps.readJson(own.training, storedArm);
  const measured = stored === null ? null : await readEvaluation(steps, own.answered, own.evaluation);
  if (stored !== null && measured !== null) {
    meter.reuse(work);
    return { outcomes: measured, training: stored.training };
  }
  const folder = join(context.folder, ARMS_FOLDER, own.training.slice(0, NAME_CHARACTERS));
  await mkdir(folder, { recursive: true });
  meter.begin(work);
  const { tuned, training } = await trainArm(context, order, arms, folder);
  const outcomes = await measureArm(context, order, arms, tuned, training);
  meter.finish();
  await rm(folder, { recursive: true, force: true });
  return { outcomes, training };
};
