import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sourcesText } from '../checkpoint/model-sources.ts';
import { type Checkpoint, requireSameSources } from '../checkpoint/open-checkpoint.ts';
import { withSeenFolder } from '../checkpoint/seen-folder.ts';
import { refuse } from '../contract/errors.ts';
import { type FinetuneManifest, type FinetuneSettings, finetuneStep } from '../contract/finetune.ts';
import type { TrainingPython } from '../finetune/find-python.ts';
import {
  runTrainingScript,
  type SavedState,
  type ScriptJob,
  scriptJobText,
  type ScriptProgress,
  type ScriptResult,
} from '../finetune/training-script.ts';
import { type Mixture, mixtureRecord, mixtureSequences } from '../finetune/mixture.ts';
import { trainingSequences } from '../finetune/training-sequences.ts';
import { LOSSES_FILE, publishTunedFolder } from '../finetune/tuned-folder.ts';
import { readText } from '../files/regular-file.ts';
import { freeBytes as freeBytesOf } from '../files/path-signature.ts';
import { hashItems } from '../tasks/items.ts';
import type { JobContext, RunTask } from './job-context.ts';
import { stepKey } from './step.ts';
import { requireTokenizer } from './task-work.ts';

/**
 * The state contains weights and two moments in float32, twice while it is replaced, plus the weights that are written.
 */
const STATE_BYTES_PER_PARAMETER = 2 * 12 + 4;

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
      `Fine-tuning ${name} needs ${Math.ceil(bytes / 1e6)} MB in ${target}, where ` +
        `${Math.floor(free / 1e6)} MB are free.`,
      'Free some space, or choose another disk.',
    );
  }
};

/** Everything that a state depends on. Stamps too: a killed training may have read other bytes that are gone again. */
const stateKey = (
  { checkpoint, teacher, engineVersion }: TrainingOrder,
  { model: _, teacher: __, out: ___, state: ____, ...job }: ScriptJob,
  { versions }: TrainingPython,
): string =>
  stepKey({
    kind: 'training-state',
    read: [checkpoint, ...(teacher === null ? [] : [teacher])].map(({ identity, sources }) => [
      identity,
      sourcesText(sources),
    ]),
    job,
    versions,
    engineVersion,
  });

/**
 * Trains into `folder`, which keeps the sealed state: another call with the same order continues from there. Nothing is
 * kept of a training whose source changed meanwhile.
 *
 * @throws WorkbenchError failed: `model-changed`; refused: `changes-nothing`; and as `runTrainingScript`.
 */
export const trainCheckpoint = async (
  context: Pick<JobContext, 'signal' | 'steps'>,
  order: TrainingOrder,
  folder: string,
  progress: Omit<ScriptProgress, 'onSaved'>,
): Promise<ScriptResult> => {
  const { name, checkpoint, teacher, tasks, mixture, settings, script, threads } = order;
  const [out, stateFolder] = [join(folder, 'out'), join(folder, 'state')];
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const tokenizer = await requireTokenizer(checkpoint);
  const length = Math.min(settings.length, checkpoint.descriptor.maxPositions);
  const sequences = trainingSequences(
    tasks.map(({ task }) => task),
    tokenizer,
    length,
  );
  const jobFile = join(folder, 'job.json');
  const python = await order.python();
  const job: ScriptJob = {
    model: checkpoint.folder,
    teacher: teacher?.folder ?? null,
    out,
    state: stateFolder,
    resume: null,
    sequences,
    mixture: mixture === null ? [] : mixtureSequences(mixture, tokenizer, length),
    length,
    end: tokenizer.endToken?.id ?? null,
    settings,
    threads,
  };
  const state = context.steps.partial(stateFolder, stateKey(order, job, python));
  const before = await state.continued(() => Promise.resolve());
  const [last] = before === null ? [] : before.files;
  await mkdir(stateFolder, { recursive: true });
  const resume = last === undefined ? null : { file: last[0], sha256: last[1] };
  /** Seals each state once its predecessor is sealed. */
  let sealing: Promise<void> = Promise.resolve();
  const onSaved = ({ file, sha256 }: SavedState): void => {
    sealing = sealing.then(() => state.seal(new Map([[file, sha256]])));
    // Awaited below.
    sealing.catch(() => undefined);
  };
  const train = async (model: string, teacherFolder: string | null): Promise<ScriptResult> => {
    await writeFile(jobFile, scriptJobText({ ...job, model, teacher: teacherFolder, resume }));
    try {
      return await runTrainingScript(python, script, jobFile, context.signal, { ...progress, onSaved });
    } finally {
      await sealing;
    }
  };
  const result = await withSeenFolder(checkpoint, (model) =>
    teacher === null ? train(model, null) : withSeenFolder(teacher, (folderOfTeacher) => train(model, folderOfTeacher)),
  );
  try {
    for (const read of teacher === null ? [checkpoint] : [checkpoint, teacher])
      await requireSameSources(read, {
        made: read === teacher ? 'the teacher of a fine-tuning' : 'fine-tuned',
        left: 'The trained weights are not kept.',
        remedy: 'Restore the files and resume, or start a new fine-tuning of the model as it is now.',
      });
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    await state.remove();
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
