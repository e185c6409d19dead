import { basename, join } from 'node:path';
import { z } from 'zod';
import { calls } from '../../contract/calls.ts';
import { finetuneSettings } from '../../contract/finetune.ts';
import { findPython } from '../../finetune/find-python.ts';
import { mixtureSpec, openMixture, reopenMixture } from '../../finetune/mixture.ts';
import { trainingSequences } from '../../finetune/training-sequences.ts';
import { requireFreeDestination } from '../../finetune/tuned-folder.ts';
import { finetuneJob } from '../../jobs/finetune-job.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';
import { openRunModels, openRunTasks } from '../run-subjects.ts';
import { modelNames, onlyModel, refuseDone, type RunKindDefinition, startRun, taskNames } from '../run-kind.ts';

/** Spec of a recorded fine-tuning, beside model and tasks. */
const finetuneSpec = z.object({
  settings: finetuneSettings,
  destination: z.string(),
  python: z.string().nullable(),
  /** Mixture of the general stage; null without one. */
  mixture: mixtureSpec.nullable().default(null),
});

/** A fine-tuning, which continues from its last saved state when it is started again. */
export const finetuneRun: RunKindDefinition<typeof finetuneSpec> = {
  kind: 'finetune',
  schema: finetuneSpec,
  check: async (context, { spec: { settings, destination, python }, models, tasks }) => {
    const { checkpoint } = onlyModel({ models });
    await requireFreeDestination(destination);
    const length = Math.min(settings.length, checkpoint.descriptor.maxPositions);
    trainingSequences(
      tasks.map(({ task }) => task),
      await requireTokenizer(checkpoint),
      length,
    );
    await findPython(python, context.workspace.path, context.environments);
  },
  title: (_, { spec, ...order }) =>
    `Fine-tuning of ${modelNames(order)} on ${taskNames(order)} to ${basename(spec.destination)}`,
  job: async (context, { spec: { settings, destination, python, mixture }, models, tasks }) =>
    finetuneJob({
      model: onlyModel({ models }),
      tasks,
      mixture: await reopenMixture(
        mixture,
        tasks.map(({ task }) => task),
        context.resources,
      ),
      settings,
      destination,
      python: () => findPython(python, context.workspace.path, context.environments),
      script: join(context.resources, 'finetune', 'finetune.py'),
      threads: context.device.threads,
      engineVersion,
    }),
  checkAgain: (_, __, manifest) => refuseDone(manifest, 'Start a new fine-tuning.'),
};

export const finetuneCalls = (context: EngineContext): Pick<Answers, 'finetune.start'> => ({
  'finetune.start': answer(
    calls['finetune.start'],
    async ({ model: handle, tasks: taskHandles, settings, into, name, python: pythonHandle, mixture: file }) => {
      const models = await openRunModels(context, [handle]);
      const tasks = await openRunTasks(context, taskHandles);
      const python = pythonHandle === null ? null : context.handles.resolve(pythonHandle);
      const destination = join(context.handles.resolve(into), name);
      const own = tasks.map(({ task }) => task);
      const mixtureFile = file === null ? null : context.handles.resolve(file);
      const opened = settings.stages.includes('general')
        ? await openMixture(mixtureFile, own, context.resources)
        : null;
      const spec = { settings, destination, python, mixture: opened?.spec ?? null };
      return startRun(context, finetuneRun, { spec, models, tasks });
    },
  ),
});
