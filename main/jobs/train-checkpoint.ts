import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sourcesText } from '../checkpoint/model-sources.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { requireSameSources } from '../checkpoint/require-same-sources.ts';
import { refuse } from '../contract/errors.ts';
import { type FinetuneManifest, type FinetuneSettings, finetuneStep } from '../contract/finetune.ts';
import type { TrainingPython } from '../finetune/find-python.ts';
import {
  runTrainingScript,
  type ScriptJob,
  scriptJobText,
  type ScriptProgress,
  type ScriptResult,
} from '../finetune/training-script.ts';
import { type Mixture, mixtureRecord, mixtureSequences } from '../finetune/mixture.ts';
import { trainingSequences } from '../finetune/training-sequences.ts';
import { LOSSES_FILE, publishTunedFolder } from '../finetune/tuned-folder.ts';
import { readText, readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { hashItems } from '../tasks/items.ts';
import type { JobContext, RunTask } from './job-context.ts';
import { requireTokenizer } from './task-work.ts';

/**
 * The state contains weights and two moments in float32, twice while it is replaced, plus the weights that are written.
 */
const STATE_BYTES_PER_PARAMETER = 2 * 12 + 4;

/** A training of one checkpoint. */
export interface TrainingOrder {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly tasks: readonly RunTask[];
  /** The model whose distributions the stage `distil` learns; null without that stage. */
  readonly teacher: Checkpoint | null;
  /** Texts of the general stage; null without one. */
  readonly mixture: Mixture | null;
  readonly settings: FinetuneSettings;
  /** Called when the training begins. */
  readonly python: () => Promise<TrainingPython>;
  /** resources/finetune/finetune.py. */
  readonly script: string;
  readonly threads: number;
  readonly engineVersion: string;
  /** Free bytes of the file system of a folder; null where unknown. */
  readonly freeBytes?: ((folder: string) => Promise<number | null>) | undefined;
}

const freeBytesOf = async (folder: string): Promise<number | null> => {
  const { bavail, blocks, bsize } = await statfs(folder);
  return blocks === 0 ? null : bavail * bsize;
};

/**
 * Refuses a training whose state in `folder`, or whose weights at `destination`, would not fit on the disk.
 *
 * @throws WorkbenchError refused: `disk-full`.
 */
export const requireTrainingSpace = async (
  { name, checkpoint, freeBytes = freeBytesOf }: TrainingOrder,
  folder: string,
  destination: string,
): Promise<void> => {
  const { parameters, sizeBytes } = checkpoint.info;
  for (const [target, bytes] of [
    [folder, parameters.total * STATE_BYTES_PER_PARAMETER + sizeBytes],
    [dirname(destination), sizeBytes],
  ] as const) {
    const free = await freeBytes(target);
    if (free === null || free >= bytes) continue;
    throw refuse(
      'disk-full',
      `Fine-tuning ${name} needs ${String(Math.ceil(bytes / 1e6))} MB in ${target}, where ` +
        `${String(Math.floor(free / 1e6))} MB are free.`,
      'Free some space, or choose another disk.',
    );
  }
};

/** File in the state's folder that lists the files of the trained model. */
const SOURCE_FILE = 'source.json';
/** One line per file. */
const MAX_SOURCE_BYTES = 16 * 2 ** 20;

/**
 * Prepares the folder of a training's state. Deletes a state whose model was touched since: the killed training may
 * have read other bytes.
 */
const prepareState = async (
  { run, emit }: Pick<JobContext, 'run' | 'emit'>,
  { name, checkpoint, teacher }: Pick<TrainingOrder, 'name' | 'checkpoint' | 'teacher'>,
  state: string,
): Promise<void> => {
  const read = teacher === null ? [checkpoint] : [checkpoint, teacher];
  const [file, text] = [
    join(state, SOURCE_FILE),
    read.map(({ identity, sources }) => `${identity} ${sourcesText(sources)}`).join('\n'),
  ];
  const before = await readTextIfThere(file, { mostBytes: MAX_SOURCE_BYTES });
  if (before === text) return;
  if (before !== null)
    emit({
      type: 'job.problem',
      run,
      text: `${name} was touched since its training was interrupted: the training starts again.`,
    });
  await rm(state, { recursive: true, force: true });
  await mkdir(state, { recursive: true });
  await writeFileAtomically(file, text);
};

/**
 * Trains into `folder`, which keeps the state: another call with the same order continues from there. Nothing is kept
 * of a training whose source changed meanwhile.
 *
 * @throws WorkbenchError failed: `model-changed`; refused: `changes-nothing`; and as `runTrainingScript`.
 */
export const trainCheckpoint = async (
  context: Pick<JobContext, 'run' | 'emit' | 'signal'>,
  order: TrainingOrder,
  folder: string,
  progress: ScriptProgress,
): Promise<ScriptResult> => {
  const { name, checkpoint, teacher, tasks, mixture, settings, script, threads } = order;
  const [out, state] = [join(folder, 'out'), join(folder, 'state')];
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await prepareState(context, order, state);
  const tokenizer = await requireTokenizer(checkpoint);
  const length = Math.min(settings.length, checkpoint.descriptor.maxPositions);
  const sequences = trainingSequences(
    tasks.map(({ task }) => task),
    tokenizer,
    length,
  );
  const jobFile = join(folder, 'job.json');
  const job: ScriptJob = {
    model: checkpoint.folder,
    teacher: teacher?.folder ?? null,
    out,
    state,
    sequences,
    mixture: mixture === null ? [] : mixtureSequences(mixture, tokenizer, length),
    length,
    end: tokenizer.endToken?.id ?? null,
    settings,
    threads,
  };
  await writeFile(jobFile, scriptJobText(job));
  const python = await order.python();
  const result = await runTrainingScript(python, script, jobFile, context.signal, progress);
  try {
    for (const read of teacher === null ? [checkpoint] : [checkpoint, teacher])
      await requireSameSources(read, {
        made: read === teacher ? 'the teacher of a fine-tuning' : 'fine-tuned',
        left: 'The trained weights are not kept.',
        remedy: 'Restore the files and resume, or start a new fine-tuning of the model as it is now.',
      });
  } catch (error) {
    for (const each of [out, state]) await rm(each, { recursive: true, force: true });
    throw error;
  }
  if (result.changed === 0) {
    throw refuse(
      'changes-nothing',
      `The training changed no weight of ${name} as it is stored (${checkpoint.info.dtype}).`,
      'Choose a larger rate (--rate) or more steps (--epochs).',
    );
  }
  return result;
};

/** Loss of the first and the last step, and the number of steps. */
export type TrainingLosses = FinetuneManifest['loss'] & { readonly steps: number };

/** A line of a hundred bytes for each of a million steps. */
const MAX_LOSSES_BYTES = 128 * 2 ** 20;

const readLosses = async (folder: string): Promise<TrainingLosses> => {
  const lines = (await readText(join(folder, 'out', LOSSES_FILE), { mostBytes: MAX_LOSSES_BYTES })).trim().split('\n');
  const steps = lines.map((line) => finetuneStep.parse(JSON.parse(line)));
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a training without steps');
  return { first: first.loss, last: last.loss, steps: steps.length };
};

/** Makes the folder of the tuned model from the training in `folder`. */
export const publishTraining = async (
  { checkpoint, teacher, tasks, mixture, settings, engineVersion, threads }: TrainingOrder,
  folder: string,
  { versions, device }: ScriptResult,
  destination: string,
): Promise<TrainingLosses> => {
  const losses = await readLosses(folder);
  const { steps, ...loss } = losses;
  const { name, fingerprint } = checkpoint;
  await publishTunedFolder(checkpoint, join(folder, 'out'), destination, {
    kind: 'uncurl-finetune',
    source: { name, fingerprint },
    teacher: teacher === null ? null : { name: teacher.name, fingerprint: teacher.fingerprint },
    tasks: tasks.map(({ name: task, task: { hash, calibration } }) => ({
      name: task,
      hash,
      calibration: hashItems(calibration),
      items: calibration.length,
    })),
    mixture: mixtureRecord(mixture),
    settings,
    steps,
    loss,
    versions: { ...versions, 'uncurl-workbench': engineVersion },
    device,
    threads,
  });
  return losses;
};
