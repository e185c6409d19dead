import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { type ArmTraining, armTraining } from '../contract/experiment.ts';
import type { FinetuneSettings } from '../contract/finetune.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { exportPlan } from '../export/export-plan.ts';
import { isFile } from '../files/file-errors.ts';
import type { TrainingPython } from '../finetune/find-python.ts';
import type { ModelRunnerSettings } from '../inference/model-runner.ts';
import { hashItems } from '../tasks/items.ts';
import { encodeEvaluation, evaluationRecord } from './evaluation-record.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import type { RunnerCache } from './runner-cache.ts';
import { planContent, stepKey } from './step-key.ts';
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
export const TRAINING_WORK = 20;

/** What trains and measures fine-tuned arms. */
export interface TunedArms {
  readonly settings: FinetuneSettings;
  readonly python: TrainingPython;
  readonly script: string;
  readonly threads: number;
  readonly engineVersion: string;
  /** For the exports that are trained. */
  readonly exportSettings: ModelRunnerSettings;
  /** Runners of checkpoints that are gone afterwards, apart from those that jobs share. */
  readonly openRunners: () => RunnerCache;
}

export interface TunedOrder {
  readonly model: RunModel;
  readonly task: RunTask;
  /** Test items to measure it on. */
  readonly items: readonly TaskItem[];
  /** Null: the member as it was pretrained. */
  readonly plan: Plan | null;
  readonly work: number;
}

const storedArm = z.object({ kind: z.literal('tuned'), training: armTraining });

export interface TunedArm {
  readonly outcomes: readonly ItemOutcome[];
  readonly training: ArmTraining;
}

/** Everything that the numbers of a tuned arm depend on; how often its state is saved is none of it. */
const keysOf = async (
  context: JobContext,
  { model, task, items, plan }: TunedOrder,
  { settings: { saveEvery: _, ...settings }, python, threads }: TunedArms,
): Promise<{ readonly training: string; readonly evaluation: string }> => {
  const { info } = model.checkpoint;
  const identity = {
    // With the tokenizer, which makes the tokens that are trained on.
    model: model.checkpoint.identity,
    plan: planContent(plan, info.experts),
    calibration: hashItems(task.task.calibration),
    items: hashItems(items),
    settings,
    python: python.versions,
    threads,
    numerics: context.numerics,
    writing: await writingIdentity(model.checkpoint, task.task),
  };
  return {
    training: stepKey({ kind: 'tuned', ...identity }),
    evaluation: stepKey({ kind: 'tuned-evaluation', ...identity }),
  };
};

/** The folder to train: the member's own, or an export of the plan, proven like every other. */
const sourceFolder = async (
  { model, plan }: TunedOrder,
  { exportSettings }: TunedArms,
  folder: string,
  signal: AbortSignal,
): Promise<string> => {
  if (plan === null) return model.checkpoint.folder;
  const destination = join(folder, 'pruned');
  if (await isFile(join(destination, 'config.json'))) return destination;
  await exportPlan({ checkpoint: model.checkpoint, plan, destination, settings: exportSettings, control: { signal } });
  return destination;
};

/** Trains the arm; what was trained when it is cancelled or killed stays in `folder`. */
const trainArm = async (
  context: JobContext,
  order: TunedOrder,
  arms: TunedArms,
  folder: string,
): Promise<{ readonly tuned: string; readonly training: ArmTraining }> => {
  const { meter, signal } = context;
  const { model, task, plan } = order;
  const tuned = join(folder, 'tuned');
  await rm(tuned, { recursive: true, force: true });
  const source = await openCheckpoint(await sourceFolder(order, arms, folder, signal));
  const name = plan === null ? model.name : `${model.name} pruned to ${String(source.info.experts)}`;
  const { settings, script, threads, engineVersion } = arms;
  const training: TrainingOrder = {
    name,
    checkpoint: source,
    tasks: [task],
    settings,
    python: () => Promise.resolve(arms.python),
    script,
    threads,
    engineVersion,
  };
  await requireTrainingSpace(training, folder, tuned);
  meter.describe(`Fine-tuning ${name} on ${task.name}`);
  let steps = 0;
  const result = await trainCheckpoint(training, folder, signal, {
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

/**
 * A member, pruned by a plan or not, fine-tuned on a task's calibration items and measured on its test items: from
 * disk, or computed and stored. Its weights are not kept.
 */
export const tunedStep = async (context: JobContext, order: TunedOrder, arms: TunedArms): Promise<TunedArm> => {
  const { steps, meter, signal } = context;
  const { model, task, items, plan, work } = order;
  const keys = await keysOf(context, order, arms);
  const stored = await steps.readJson(keys.training, storedArm);
  const measured = stored === null ? null : await steps.readJson(keys.evaluation, evaluationRecord);
  if (stored !== null && measured !== null) {
    meter.reuse(work);
    return { outcomes: measured.outcomes, training: stored.training };
  }
  const folder = join(context.folder, ARMS_FOLDER, keys.training.slice(0, NAME_CHARACTERS));
  await mkdir(folder, { recursive: true });
  meter.begin(work);
  const { tuned, training } = await trainArm(context, order, arms, folder);
  const runners = arms.openRunners();
  let outcomes: readonly ItemOutcome[];
  try {
    const runner = await runners.open(await openCheckpoint(tuned));
    const answered = await answerItems(runner, task.task, items, [{ key: 'tuned', plan: null }], { signal });
    outcomes = answered.get('tuned') ?? [];
  } finally {
    await runners.dispose();
  }
  const { name, fingerprint } = model.checkpoint;
  await steps.writeJson(
    keys.evaluation,
    encodeEvaluation({ model: { name, fingerprint }, task: task.task.name, plan, outcomes }),
  );
  // Written last: without it the arm counts as not made.
  await steps.writeJson(keys.training, { kind: 'tuned', training });
  meter.finish();
  await rm(folder, { recursive: true, force: true });
  return { outcomes, training };
};
