import { basename, join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { hasScaledExperts } from '../../checkpoint/weight-reader.ts';
import { refuse } from '../../contract/errors.ts';
import { finetuneSettings, type FinetuneStage } from '../../contract/finetune.ts';
import { recordedModel } from '../../contract/recorded.ts';
import { isGgufPath } from '../../files/list-folder.ts';
import { findPython } from '../../finetune/find-python.ts';
import { mixtureSpec, openMixture, reopenMixture } from '../../finetune/mixture.ts';
import { trainingSequences } from '../../finetune/training-sequences.ts';
import { requireFreeDestination } from '../../finetune/tuned-folder.ts';
import { finetuneJob } from '../../jobs/finetune-job.ts';
import type { RunModel, RunTask } from '../../jobs/job-context.ts';
import { requireSameTokens } from '../../jobs/sweep-folders.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import type { EngineContext } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';
import { modelNames, onlyModel, refuseDone, type StartedRun, taskNames } from '../run-kind.ts';
import { openRunModels, openSubjects, recordOf, reopenModel } from '../run-subjects.ts';

/** Spec of a recorded fine-tuning, beside model and tasks. */
const finetuneSpec = z.object({
  settings: finetuneSettings,
  destination: boundedText,
  python: boundedText.nullable(),
  /** Mixture of the general stage; null without one. */
  mixture: mixtureSpec.nullable().default(null),
  /** The unpruned model, for the stage `distil`; null without it. */
  teacher: recordedModel.nullable().default(null),
});
type Teacher = z.infer<typeof finetuneSpec>['teacher'];

/** Reopens the teacher of a run; null where it has none. Refuses one that has changed. */
const reopenTeacher = async (context: EngineContext, teacher: Teacher): Promise<RunModel | null> =>
  teacher === null ? null : { name: teacher.name, checkpoint: await reopenModel(context, teacher, null) };

/**
 * Refuses the stage `distil` without a teacher, a teacher without that stage, and one that has nothing to teach or that
 * the script cannot open.
 *
 * @throws WorkbenchError refused: `bad-usage`, `teacher-is-model`, `torch-weights`, `candidate-vocabulary`,
 * `candidate-tokenizer`.
 */
const requireTeacher = async (
  { checkpoint }: RunModel,
  teacher: RunModel | null,
  stages: readonly FinetuneStage[],
  tasks: readonly RunTask[],
): Promise<void> => {
  if (teacher === null) {
    if (!stages.includes('distil')) return;
    throw refuse(
      'bad-usage',
      'The stage distil learns from the unpruned model, and none is named.',
      'Name it: --teacher MODEL.',
    );
  }
  if (!stages.includes('distil'))
    throw refuse('bad-usage', 'No stage learns from the teacher.', 'Add the stage distil, or leave out --teacher.');
  // Where one of them was not hashed yet, they are compared when the run begins.
  const [student, taught] = [checkpoint.content.known, teacher.checkpoint.content.known];
  if (
    teacher.checkpoint.folder === checkpoint.folder ||
    (student !== null && taught?.fingerprint === student.fingerprint)
  )
    throw refuse(
      'teacher-is-model',
      `${teacher.name} is the model itself: its distributions are those that it has already.`,
      'Train a pruned model (an export) with the unpruned one as its teacher.',
    );
  if (isGgufPath(teacher.checkpoint.folder) || hasScaledExperts(teacher.checkpoint.descriptor))
    throw refuse(
      'torch-weights',
      `${teacher.name} is a GGUF file or quantised with scales, and the training script opens plain weights.`,
      'Name the unpruned model as a folder of plain weights.',
    );
  await requireSameTokens(checkpoint, teacher, tasks, 'A teacher');
};

/** A fine-tuning, which continues from its last saved state when it is started again. */
export const finetuneRun: StartedRun<'finetune', typeof finetuneSpec> = {
  kind: 'finetune',
  schema: finetuneSpec,
  onCpu: true,
  order: async (context, { model: handle, tasks: taskHandles, settings, into, name, ...named }) => {
    const { python: pythonHandle, mixture: file, teacher: teacherHandle } = named;
    const { models, tasks } = await openSubjects(context, [handle], taskHandles);
    const python = pythonHandle === null ? null : context.handles.resolve(pythonHandle);
    const destination = join(context.handles.resolve(into), name);
    const runTasks = tasks.map(({ task }) => task);
    const mixtureFile = file === null ? null : context.handles.resolve(file);
    const opened = settings.stages.includes('general')
      ? await openMixture(mixtureFile, runTasks, context.resources)
      : null;
    const [taught] = teacherHandle === null ? [] : await openRunModels(context, [teacherHandle]);
    const teacher = taught === undefined ? null : recordOf(context, taught);
    const spec = { settings, destination, python, mixture: opened?.spec ?? null, teacher };
    return { spec, models, tasks };
  },
  check: async (context, { spec: { settings, destination, python, teacher }, models, tasks }) => {
    const model = onlyModel({ models });
    const { checkpoint } = model;
    await requireTeacher(model, await reopenTeacher(context, teacher), settings.stages, tasks);
    await requireFreeDestination(destination);
    const length = Math.min(settings.length, checkpoint.descriptor.maxPositions);
    trainingSequences(
      tasks.map(({ task }) => task),
      await requireTokenizer(checkpoint),
      length,
    );
    await findPython(python, context.workspace.path, context.environments, context.resources);
  },
  title: (_, { spec, ...order }) =>
    `Fine-tuning of ${modelNames(order)} on ${taskNames(order)} to ${basename(spec.destination)}`,
  job: async (context, { spec: { settings, destination, python, mixture, teacher }, models, tasks }) =>
    finetuneJob({
      model: onlyModel({ models }),
      teacher: await reopenTeacher(context, teacher),
      tasks,
      mixture: await reopenMixture(
        mixture,
        tasks.map(({ task }) => task),
        context.resources,
      ),
      settings,
      destination,
      python: () => findPython(python, context.workspace.path, context.environments, context.resources),
      script: join(context.resources, 'finetune', 'finetune.py'),
      threads: context.device.threads,
      engineVersion,
    }),
  checkAgain: (_, __, manifest) => refuseDone(manifest, 'Start a new fine-tuning.'),
};
