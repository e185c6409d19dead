import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { type FinetuneManifest, type FinetuneSettings, finetuneStep } from '../contract/finetune.ts';
import type { TrainingPython } from '../finetune/find-python.ts';
import { runTrainingScript, scriptJobText, type ScriptResult } from '../finetune/training-script.ts';
import { trainingSequences } from '../finetune/training-sequences.ts';
import { LOSSES_FILE, publishTunedFolder, requirePlace } from '../finetune/tuned-folder.ts';
import { hashItems } from '../tasks/items.ts';
import type { Job, JobContext, RunModel, RunTask } from './job-context.ts';
import { requireTokenizer } from './task-work.ts';

/** Folder of a run that holds its training's state, until it is done. */
const TRAINING_FOLDER = 'training';
/** The state holds weights and two moments in float32, twice while it is replaced, and the weights that are written. */
const STATE_BYTES_PER_PARAMETER = 2 * 12 + 4;

export interface FinetuneInput {
  readonly model: RunModel;
  readonly tasks: readonly RunTask[];
  readonly settings: FinetuneSettings;
  /** Folder to make; its parent must exist. */
  readonly destination: string;
  /** Asked for when the job's turn comes. */
  readonly python: () => Promise<TrainingPython>;
  /** resources/finetune/finetune.py. */
  readonly script: string;
  readonly threads: number;
  readonly engineVersion: string;
  /** Free bytes of the file system that holds a folder; null where it does not say. */
  readonly freeBytes?: (folder: string) => Promise<number | null>;
}

const freeBytesOf = async (folder: string): Promise<number | null> => {
  const { bavail, blocks, bsize } = await statfs(folder);
  return blocks === 0 ? null : bavail * bsize;
};

const requireSpace = async (
  { model, destination, freeBytes = freeBytesOf }: FinetuneInput,
  folder: string,
): Promise<void> => {
  const { parameters, sizeBytes } = model.checkpoint.info;
  for (const [place, bytes] of [
    [folder, parameters.total * STATE_BYTES_PER_PARAMETER + sizeBytes],
    [dirname(destination), sizeBytes],
  ] as const) {
    const free = await freeBytes(place);
    if (free === null || free >= bytes) continue;
    throw refuse(
      'disk-full',
      `Fine-tuning ${model.name} needs ${String(Math.ceil(bytes / 1e6))} MB in ${place}, where ` +
        `${String(Math.floor(free / 1e6))} MB are free.`,
      'Free some space, or choose another disk.',
    );
  }
};

/** Runs the script, and tells the meter of its steps. */
const train = async (input: FinetuneInput, { meter, signal }: JobContext, folder: string): Promise<ScriptResult> => {
  const { model, tasks, settings, script, threads } = input;
  const [out, state] = [join(folder, 'out'), join(folder, 'state')];
  await rm(out, { recursive: true, force: true });
  for (const each of [out, state]) await mkdir(each, { recursive: true });
  const tokenizer = await requireTokenizer(model.checkpoint);
  const { maxPositions } = model.checkpoint.descriptor;
  const sequences = trainingSequences(
    tasks.map(({ task }) => task),
    tokenizer,
    Math.min(settings.length, maxPositions),
  );
  const jobFile = join(folder, 'job.json');
  await writeFile(jobFile, scriptJobText({ model: model.checkpoint.folder, out, state, sequences, settings, threads }));
  meter.describe('Starting Python');
  const python = await input.python();
  let [steps, resumed] = [0, 0];
  const result = await runTrainingScript(python, script, jobFile, signal, {
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
      meter.describe(
        `Step ${String(done)} of ${String(steps)}, ${stage === 'all' ? 'all weights' : 'router'}: loss ` +
          loss.toFixed(4),
      );
      meter.advance((done - resumed) / Math.max(1, steps - resumed));
    },
    onSaved: () => undefined,
  });
  if (result.changed === 0) {
    throw refuse(
      'changes-nothing',
      `The training changed no weight of ${model.name} as it is stored (${model.checkpoint.info.dtype}).`,
      'Choose a larger rate (--rate) or more steps (--epochs).',
    );
  }
  return result;
};

const readLosses = async (folder: string): Promise<FinetuneManifest['loss'] & { readonly steps: number }> => {
  const lines = (await readFile(join(folder, 'out', LOSSES_FILE), 'utf8')).trim().split('\n');
  const steps = lines.map((line) => finetuneStep.parse(JSON.parse(line)));
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a training without steps');
  return { first: first.loss, last: last.loss, steps: steps.length };
};

/**
 * Fine-tunes a checkpoint on the calibration items of tasks, in Python. What was trained when it is cancelled or killed
 * stays in the run's folder, and resuming goes on from there to the same weights.
 */
export const finetuneJob =
  (input: FinetuneInput): Job =>
  async (context) => {
    const { model, tasks, settings, destination } = input;
    const folder = join(context.folder, TRAINING_FOLDER);
    await requirePlace(destination);
    await requireSpace(input, context.folder);
    const { versions, device } = await train(input, context, folder);
    const { steps, ...loss } = await readLosses(folder);
    const { name, fingerprint } = model.checkpoint;
    await publishTunedFolder(model.checkpoint, join(folder, 'out'), destination, {
      kind: 'uncurl-finetune',
      source: { name, fingerprint },
      tasks: tasks.map(({ name: task, task: { hash, calibration } }) => ({
        name: task,
        hash,
        calibration: hashItems(calibration),
        items: calibration.length,
      })),
      settings,
      steps,
      loss,
      versions: { ...versions, 'uncurl-workbench': input.engineVersion },
      device,
      threads: input.threads,
    });
    context.meter.finish();
    await rm(folder, { recursive: true, force: true });
    return {
      output: destination,
      summary:
        `Fine-tuned to ${destination}: loss ${loss.first.toFixed(4)} at the first of ${String(steps)} steps, ` +
        `${loss.last.toFixed(4)} at the last.`,
    };
  };
