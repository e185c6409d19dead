import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import type { RunDevice } from '../../contract/device.ts';
import { expected, refuse, WorkbenchError } from '../../contract/errors.ts';
import { type ExperimentSettings, hasGeneralStage, isTrained, experimentSettings } from '../../contract/experiment.ts';
import { withOptimiser } from '../../contract/optimiser.ts';
import { runCodeText } from '../../contract/run-origin.ts';
import type { RunManifest } from '../../contract/run.ts';
import { findPython, type TrainingPython } from '../../finetune/find-python.ts';
import { mixtureSpec, openMixture, reopenMixture } from '../../finetune/mixture.ts';
import { trainingSequences } from '../../finetune/training-sequences.ts';
import { requireTorchMethods } from '../../jobs/check-sweep.ts';
import { byExperts, checkExperiment } from '../../jobs/experiment-arms.ts';
import { type ExperimentInput, experimentJob } from '../../jobs/experiment-job.ts';
import type { Job, RunModel, RunTask } from '../../jobs/job-context.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { type ReproduceExperimentInput, reproduceExperimentJob } from '../../reproduction/reproduce-job.ts';
import { experimentManifestOf, experimentRecordAsItLies } from '../../runs/experiment-record.ts';
import { recordedSpec } from '../../runs/recorded-spec.ts';
import { addRecordedExperiment, RECORDED_EXPERIMENT } from '../../sample/sample-run.ts';
import { requireRoom } from '../../tasks/generation/stop-rule.ts';
import type { Task } from '../../tasks/task.ts';
import { codeToConfirm } from '../approved-run.ts';
import type { Answers, EngineContext } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';
import { manifestAgain, modelNames, requireDone, type StartedRun, startRun, taskNames } from '../run-kind.ts';
import { notOpened, openRunModels, openRunTasks, reopenSubjects } from '../run-subjects.ts';
import { exportMachine } from './exports.ts';

type ExperimentCall = `experiment.${'read' | 'reproduce' | 'recorded' | 'report'}`;

/** Spec of a recorded experiment, beside models and tasks. */
const experimentSpec = z.object({
  settings: experimentSettings,
  python: boundedText.nullable(),
  /** Mixture of the general stage; null without one. */
  mixture: mixtureSpec.nullable().default(null),
  reproduces: boundedText.nullable().default(null),
  /** Code with which the user confirmed that run; absent if it was made here. */
  confirmed: runCodeText.optional(),
});
type ExperimentSpec = z.infer<typeof experimentSpec>;

interface Subjects {
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
}

const tasksOf = (tasks: readonly RunTask[]): readonly Task[] => tasks.map(({ task }) => task);

const inputOf = (
  context: EngineContext,
  { models, tasks }: Subjects,
  { settings, python, mixture }: Pick<ExperimentSpec, 'settings' | 'python' | 'mixture'>,
  device: RunDevice,
): ExperimentInput => ({
  models,
  tasks,
  settings,
  tunedArms: async () => ({
    mixture: await reopenMixture(mixture, tasksOf(tasks), context.resources),
    python: await findPython(python, context.workspace.path, context.environments, context.resources),
    script: join(context.resources, 'finetune', 'finetune.py'),
    threads: device.threads,
    engineVersion,
    machine: exportMachine(context),
  }),
});

const requirePython = (context: EngineContext, python: string | null): Promise<TrainingPython> =>
  findPython(python, context.workspace.path, context.environments, context.resources).catch(
    expected((error) => {
      const remedy = `${error.remedy} Or measure without fine-tuned arms: --arms as-is,refit.`;
      throw refuse(error.code, error.message, remedy, error);
    }, 'refused'),
  );

/** Refuses what cannot run before a run is made. */
const check = async (
  context: EngineContext,
  { models, tasks }: Subjects,
  settings: ExperimentSettings,
  python: string | null,
): Promise<void> => {
  checkExperiment(models, tasks, settings);
  if (context.device.engine !== undefined) requireTorchMethods(settings, settings.methods);
  const isTuned = settings.treatments.some(isTrained);
  for (const { checkpoint } of models) {
    const tokenizer = await requireTokenizer(checkpoint);
    const { maxPositions } = checkpoint.descriptor;
    for (const { name, task } of tasks) {
      requireRoom(task.test, name, checkpoint.descriptor);
      if (isTuned) trainingSequences([task], tokenizer, Math.min(settings.training.length, maxPositions));
    }
  }
  if (isTuned) await requirePython(context, python);
};

/** Omits the fine-tuned arms where there is no Python for them, and returns the reason. */
const withoutOf = async (
  context: EngineContext,
  { settings, python }: ExperimentSpec,
): Promise<ReproduceExperimentInput['without']> => {
  const treatments = settings.treatments.filter(isTrained);
  if (treatments.length === 0) return null;
  try {
    await findPython(python, context.workspace.path, context.environments, context.resources);
    return null;
  } catch (error) {
    // A Python named by the user must work; only a missing one leaves its arms out.
    if (python !== null || !(error instanceof WorkbenchError) || error.kind !== 'refused') throw error;
    return { treatments, reason: `${error.message} ${error.remedy}` };
  }
};

const finishedExperiment = async (context: EngineContext, run: string): Promise<RunManifest> => {
  const original = await experimentManifestOf(context.workspace, run);
  requireDone(original);
  return original;
};

const reproductionOf = async (
  context: EngineContext,
  spec: ExperimentSpec,
  run: string,
  device: RunDevice,
  subjects: Subjects,
): Promise<Job> => {
  const original = await finishedExperiment(context, run);
  const provenance = await context.provenanceOf(run);
  const { models, tasks } = subjects;
  const order = { spec: { ...spec, reproduces: null }, models: [...models], tasks: [...tasks] };
  return reproduceExperimentJob({
    original: provenance === undefined ? original : { ...original, provenance },
    again: await manifestAgain(context, experimentRun, order, original),
    // The comparison shows any edits.
    recorded: await experimentRecordAsItLies(context.workspace.runs.folder(original.id), original),
    folder: context.workspace.runs.folder(original.id),
    experiment: inputOf(context, subjects, spec, device),
    without: await withoutOf(context, spec),
    circumstances: { device, versions: { ...(await context.devices.open(device)).versions } },
    createPool: () => context.createPool(device),
  });
};

export const experimentRun: StartedRun<'experiment', typeof experimentSpec> = {
  kind: 'experiment',
  onTorch: true,
  schema: experimentSpec,
  order: async (
    context,
    { models: modelHandles, tasks: taskHandles, settings, python: pythonHandle, mixture: file },
  ) => {
    const models = byExperts(await openRunModels(context, modelHandles));
    const tasks = await openRunTasks(context, taskHandles);
    const python = pythonHandle === null ? null : context.handles.resolve(pythonHandle);
    const mixtureFile = file === null ? null : context.handles.resolve(file);
    const opened = settings.treatments.some(hasGeneralStage)
      ? await openMixture(mixtureFile, tasksOf(tasks), context.resources)
      : null;
    const named = { ...settings, options: withOptimiser(settings.options, settings.methods) };
    const spec = { settings: named, python, mixture: opened?.spec ?? null, reproduces: null };
    return { spec, models, tasks };
  },
  check: (context, { spec, ...subjects }) =>
    spec.reproduces === null ? check(context, subjects, spec.settings, spec.python) : undefined,
  title: async (context, { spec, ...order }) =>
    spec.reproduces === null
      ? `Experiment on ${modelNames(order)} with ${taskNames(order)}`
      : `Reproduction of ${(await experimentManifestOf(context.workspace, spec.reproduces)).title}`,
  job: (context, { spec, ...subjects }, device) =>
    spec.reproduces === null
      ? experimentJob(inputOf(context, subjects, spec, device))
      : reproductionOf(context, spec, spec.reproduces, device, subjects),
  checkAgain: async (context, { spec }) => {
    if (spec.reproduces === null && spec.settings.treatments.some(isTrained)) await requirePython(context, spec.python);
  },
};

export const experimentCalls = (context: EngineContext): Pick<Answers, ExperimentCall> => ({
  'experiment.read': (asked, signal) => context.reader.read({ read: 'experiment', ...asked }, signal),
  'experiment.reproduce': async ({ run, python: pythonHandle, confirmed }, signal) => {
    const original = await finishedExperiment(context, run);
    const { settings, mixture } = recordedSpec(original, experimentSpec);
    const python = pythonHandle === null ? null : context.handles.resolve(pythonHandle);
    const unconfirmed = await codeToConfirm(context, original, confirmed);
    if (unconfirmed !== null && mixture !== null && mixture.file !== null) throw notOpened(mixture.file, unconfirmed);
    const subjects = await reopenSubjects(context, original, unconfirmed);
    const spec = {
      settings,
      python,
      mixture,
      reproduces: run,
      ...(confirmed === undefined ? {} : { confirmed }),
    };
    return startRun(context, experimentRun, { spec, ...subjects }, signal);
  },
  'experiment.recorded': async (_, signal) => {
    await addRecordedExperiment(context.workspace, context.resources, signal);
    context.emit({ type: 'run.changed', manifest: await experimentManifestOf(context.workspace, RECORDED_EXPERIMENT) });
    return { run: RECORDED_EXPERIMENT };
  },
  'experiment.report': async ({ run, delta }, signal) => {
    const { name, html } = await context.reader.read({ read: 'experiment-report', run, delta }, signal);
    return { name, html };
  },
});
