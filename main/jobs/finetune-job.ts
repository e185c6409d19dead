import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FinetuneStage } from '../contract/finetune.ts';
import type { ScriptResult } from '../finetune/training-script.ts';
import { requireFreeDestination } from '../finetune/tuned-folder.ts';
import { type Job, type JobContext, jobOn, type RunModel } from './job-context.ts';
import { TRAINING_FOLDER } from './state-folders.ts';
import { publishTraining, requireTrainingSpace, trainCheckpoint, type TrainingOrder } from './train-checkpoint.ts';

export interface FinetuneInput extends Omit<TrainingOrder, 'name' | 'checkpoint' | 'teacher'> {
  readonly model: RunModel;
  /** The model whose distributions the stage `distil` learns; null without that stage. */
  readonly teacher: RunModel | null;
  /** Folder to make; its parent must exist. */
  readonly destination: string;
}

const STAGE_WORDS: Readonly<Record<FinetuneStage, string>> = {
  router: 'router',
  distil: 'router distillation',
  general: 'all weights on the mixture',
  all: 'all weights',
};

/** Runs the script and reports its steps to the meter. */
const train = async (order: TrainingOrder, context: JobContext, folder: string): Promise<ScriptResult> => {
  const { meter } = context;
  meter.describe('Starting Python');
  let [steps, resumed] = [0, 0];
  return trainCheckpoint(context, order, folder, {
    onStart: (total) => {
      steps = total;
      meter.setTotal(total);
      meter.begin(total);
    },
    onResumed: (done) => {
      resumed = done;
      meter.reuse(done);
      meter.begin(steps - done);
    },
    onStep: ({ done, stage, loss }) => {
      meter.describe(`Step ${done} of ${steps}, ${STAGE_WORDS[stage]}: loss ` + loss.toFixed(4));
      meter.advance((done - resumed) / Math.max(1, steps - resumed));
    },
  });
};

/**
 * Fine-tunes a checkpoint on the calibration items of tasks, in Python. The state of a cancelled or killed training
 * stays in the run's folder; resuming continues from there to the same weights.
 */
export const finetuneJob = (input: FinetuneInput): Job =>
  jobOn(
    [input.model, ...(input.teacher === null ? [] : [input.teacher])].map(({ checkpoint }) => checkpoint),
    async (context) => {
      const { model, destination, teacher, ...rest } = input;
      const { name, checkpoint } = model;
      const order: TrainingOrder = { ...rest, name, checkpoint, teacher: teacher?.checkpoint ?? null };
      const folder = join(context.folder, TRAINING_FOLDER);
      await requireFreeDestination(destination);
      await requireTrainingSpace(order, context.folder, destination);
      const result = await train(order, context, folder);
      const { steps, ...loss } = await publishTraining(order, folder, result, destination);
      context.meter.finish();
      await rm(folder, { recursive: true, force: true });
      return {
        output: destination,
        summary:
          `Fine-tuned to ${destination}: loss ${loss.first.toFixed(4)} at the first of ${steps} steps, ` +
          `${loss.last.toFixed(4)} at the last.`,
      };
    },
  );
