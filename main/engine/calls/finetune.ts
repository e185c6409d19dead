import { join } from 'node:path';
import { z } from 'zod';
import { calls } from '../../contract/calls.ts';
import { refuse } from '../../contract/errors.ts';
import { finetuneSettings, type FinetuneSettings } from '../../contract/finetune.ts';
import { findPython } from '../../finetune/find-python.ts';
import { type Mixture, mixtureSpec, openMixture, reopenMixture } from '../../finetune/mixture.ts';
import { trainingSequences } from '../../finetune/training-sequences.ts';
import { requireFreeDestination } from '../../finetune/tuned-folder.ts';
import { finetuneJob } from '../../jobs/finetune-job.ts';
import type { Job, RunModel, RunTask } from '../../jobs/job-context.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import type { ApprovedManifest } from '../approved-run.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';
import { openRunModels, openRunTasks } from '../run-subjects.ts';
import { nameList, startRun } from '../start-run.ts';

/** Spec of a recorded fine-tuning, beside model and tasks. */
const finetuneSpec = z.object({
  settings: finetuneSettings,
  destination: z.string(),
  python: z.string().nullable(),
  /** Mixture of the general stage; null without one. */
  mixture: mixtureSpec.nullable().default(null),
});
type FinetuneSpec = z.infer<typeof finetuneSpec>;

const jobOf = (
  context: EngineContext,
  model: RunModel,
  tasks: readonly RunTask[],
  mixture: Mixture | null,
  { settings, destination, python }: FinetuneSpec,
): Job =>
  finetuneJob({
    model,
    tasks,
    mixture,
    settings,
    destination,
    python: () => findPython(python, context.workspace.path, context.environments),
    script: join(context.resources, 'finetune', 'finetune.py'),
    threads: context.device.threads,
    engineVersion,
  });

/** Makes the job of a recorded fine-tuning, which continues from its last saved state. */
export const resumedFinetune = async (
  context: EngineContext,
  manifest: ApprovedManifest,
  models: readonly RunModel[],
  tasks: readonly RunTask[],
): Promise<Job> => {
  if (manifest.state === 'done')
    throw refuse(
      'run-done',
      `${manifest.id} is done and wrote ${manifest.output ?? 'its folder'}.`,
      'Start a new fine-tuning.',
    );
  const spec = recordedSpec(manifest, finetuneSpec);
  const [model] = models;
  if (model === undefined)
    throw refuse('bad-spec', `The manifest of ${manifest.id} names no model.`, 'Start a new fine-tuning.');
  const mixture = await reopenMixture(
    spec.mixture,
    tasks.map(({ task }) => task),
    context.resources,
  );
  return jobOf(context, model, tasks, mixture, spec);
};

/** Refuses everything that can be refused before a run is made, including a missing Python. */
const check = async (
  context: EngineContext,
  { checkpoint }: RunModel,
  tasks: readonly RunTask[],
  settings: FinetuneSettings,
  { destination, python }: FinetuneSpec,
): Promise<void> => {
  await requireFreeDestination(destination);
  const length = Math.min(settings.length, checkpoint.descriptor.maxPositions);
  trainingSequences(
    tasks.map(({ task }) => task),
    await requireTokenizer(checkpoint),
    length,
  );
  await findPython(python, context.workspace.path, context.environments);
};

export const finetuneCalls = (context: EngineContext): Pick<Answers, 'finetune.start'> => ({
  'finetune.start': answer(
    calls['finetune.start'],
    async ({ model: handle, tasks: taskHandles, settings, into, name, python: pythonHandle, mixture: file }) => {
      const [model] = await openRunModels(context, [handle]);
      if (model === undefined) throw new Error('a handle without a model');
      const tasks = await openRunTasks(context, taskHandles);
      const python = pythonHandle === null ? null : context.handles.resolve(pythonHandle);
      const destination = join(context.handles.resolve(into), name);
      const own = tasks.map(({ task }) => task);
      const mixtureFile = file === null ? null : context.handles.resolve(file);
      const opened = settings.stages.includes('general')
        ? await openMixture(mixtureFile, own, context.resources)
        : null;
      const spec: FinetuneSpec = { settings, destination, python, mixture: opened?.spec ?? null };
      await check(context, model, tasks, settings, spec);
      const title = `Fine-tuning of ${model.name} on ${nameList(
        tasks.map(({ name: task }) => task),
        'tasks',
      )} to ${name}`;
      return startRun(
        context,
        { kind: 'finetune', title, spec, models: [model], tasks },
        jobOf(context, model, tasks, opened?.mixture ?? null, spec),
      );
    },
  ),
});
