import type { z } from 'zod';
import { deviceNamed, type RunDevice, torchPrecision } from '../contract/device.ts';
import { refuse, requireAsked, type WorkbenchError } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { requireKind, type RunKind, type StartedKind, type StartInput } from '../contract/run-kinds.ts';
import type { Job, RunModel, RunTask } from '../jobs/job-context.ts';
import { recordedSpec } from '../runs/recorded-spec.ts';
import { recordedPath } from '../workspace/library.ts';
import { type ApprovedManifest, bindRun } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { deviceOf, TORCH_VERSIONS } from './machine.ts';
import { withoutTorch } from '../torch/open-torch-model.ts';
import { requireForTorch } from '../torch/torch-model.ts';
import { recordOf, reopenCandidates, reopenSubjects } from './run-subjects.ts';

/** A run to make: its settings, and the models and tasks that it reads. */
export interface RunOrder<Spec> {
  readonly spec: Spec;
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  /** Checkpoints that a sweep measures beside its plans. */
  readonly candidates?: readonly RunModel[] | undefined;
  /** Leaves the new run to other workers. */
  readonly later?: boolean | undefined;
}

/** The settings of any kind of run. */
type AnySettings = z.ZodType<Readonly<Record<string, unknown>>>;

/**
 * A kind of run: everything that starts it, and starts it again from its manifest. Its functions are methods, so that
 * the definition of one kind is also that of any kind: its schema reads the settings that they get.
 */
export interface RunKindDefinition<Schema extends AnySettings = AnySettings> {
  readonly kind: RunKind;
  /** Its settings, as a manifest records them. */
  readonly schema: Schema;
  /** Uses the CPU, whatever device is chosen: exports are proven there, and a training names its own device. */
  readonly onCpu?: true;
  /** Can compute with PyTorch. */
  readonly onTorch?: true;
  /** Reads no model: it brings one, or sends one away. */
  readonly withoutModel?: true;
  /** Settings to record where they are not recorded as they are. */
  recorded?(context: EngineContext, order: RunOrder<z.output<Schema>>): Readonly<Record<string, unknown>>;
  /** Refuses a run before it exists. */
  check(context: EngineContext, order: RunOrder<z.output<Schema>>): Promise<void> | void;
  title(context: EngineContext, order: RunOrder<z.output<Schema>>): Promise<string> | string;
  job(context: EngineContext, order: RunOrder<z.output<Schema>>, device: RunDevice): Promise<Job> | Job;
  /** Refuses to start a recorded run again. */
  checkAgain?(context: EngineContext, order: RunOrder<z.output<Schema>>, manifest: RunManifest): Promise<void> | void;
}

/** A kind of run that a call of its own starts. */
export interface StartedRun<
  Kind extends StartedKind,
  Schema extends AnySettings = AnySettings,
> extends RunKindDefinition<Schema> {
  readonly kind: Kind;
  /** The order that the call gives. */
  order(context: EngineContext, asked: z.output<StartInput<Kind>>): Promise<RunOrder<z.output<Schema>>>;
}

/**
 * Checks a new run, makes its folder and manifest, and queues its job. `signal`: no run is made once nobody waits for
 * it.
 */
export const startRun = async <Schema extends AnySettings>(
  context: EngineContext,
  definition: RunKindDefinition<Schema>,
  order: RunOrder<z.output<Schema>>,
  signal: AbortSignal,
): Promise<{ run: string }> => {
  const { kind, onCpu } = definition;
  const { spec, models } = order;
  if (onCpu !== true) {
    requireTorchKind(definition, context.device);
    await context.devices.renew();
    const { computedBy } = context.devices.current;
    if (computedBy !== null)
      for (const { checkpoint } of [...models, ...(order.candidates ?? [])])
        await requireForTorch(
          checkpoint,
          computedBy,
          torchPrecision.parse(context.device.precision),
          context.memory.budgetBytes,
        );
  }
  await definition.check(context, order);
  const manifest: Omit<RunManifest, 'id' | 'kind' | 'createdAt'> = {
    title: await definition.title(context, order),
    finishedAt: null,
    state: 'queued',
    error: null,
    spec: { ...(definition.recorded?.(context, order) ?? spec) },
    ...subjectsToRecord(context, order),
    versions: { ...(onCpu === true ? context.versions : context.devices.current.versions) },
    device: onCpu === true ? deviceOf(context.device.threads) : context.device,
    commandLine: context.commandLine,
    output: null,
  };
  const job = await definition.job(context, order, context.device);
  requireAsked(signal);
  const created = await context.workspace.runs.create(kind, manifest, (made) => bindRun(context, made));
  if (order.later === true) {
    await created.lock.release();
    context.emit({ type: 'run.changed', manifest: await context.workspace.runs.read(created.manifest.id) });
  } else context.queue.add(created, job);
  return { run: created.manifest.id };
};

/**
 * What the manifest of a run says if the run is made again, to compare with what it says. A bundled record has a title
 * of its own, which is compiled in with it.
 */
export const manifestAgain = async <Schema extends AnySettings>(
  context: EngineContext,
  definition: RunKindDefinition<Schema>,
  order: RunOrder<z.output<Schema>>,
  { title: recorded, provenance }: RunManifest,
): Promise<Pick<RunManifest, 'kind' | 'title' | 'models' | 'tasks'>> => ({
  kind: definition.kind,
  title: provenance?.state === 'bundled' ? recorded : await definition.title(context, order),
  ...subjectsToRecord(context, order),
});

const subjectsToRecord = (
  context: EngineContext,
  { models, tasks }: Pick<RunOrder<unknown>, 'models' | 'tasks'>,
): Pick<RunManifest, 'models' | 'tasks'> => ({
  models: models.map((model) => recordOf(context, model)),
  tasks: tasks.map(({ name, task }) => ({
    name,
    path: recordedPath(task.path, context.bundled.tasks),
    hash: task.hash,
  })),
});

/** The order of a recorded run. Refuses models and tasks that have changed. */
export const recordedOrder = async <Schema extends z.ZodType>(
  context: EngineContext,
  schema: Schema,
  manifest: ApprovedManifest,
): Promise<RunOrder<z.output<Schema>>> => ({
  ...(await reopenSubjects(context, manifest, null)),
  candidates: manifest.kind === 'sweep' ? await reopenCandidates(context, manifest, null) : [],
  spec: recordedSpec(manifest, schema),
});

/** A run's numbers come from one kind of device, which its manifest names. Refuses if it is not usable here. */
export const requireItsDevice = async ({ providers }: EngineContext, { id, device }: RunManifest): Promise<void> => {
  // PyTorch says what it lacks when it starts.
  if (device.engine !== undefined) return;
  const provider = deviceNamed(device);
  if (provider === null)
    throw refuse(
      'other-device',
      `${id} was computed on ${device.provider} in ${device.precision}, which is not known here.`,
      'Start a new run.',
    );
  if (provider !== 'cpu') await providers.require(provider);
};

/** Digits of a hash that a message shows. */
const SHOWN_DIGITS = 12;

/**
 * Refuses to continue a run of PyTorch with another one, whose numbers it would mix; says what differs.
 *
 * @throws WorkbenchError `other-engine`.
 */
export const requireSameEngine = (
  { id, device, versions }: RunManifest,
  here: { readonly device: RunDevice; readonly versions: Readonly<Record<string, string>> },
): void => {
  if (device.engine === undefined) return;
  const words = (name: string): string => (name === 'environment' ? 'packages of Python' : name);
  const shown = (version = '(none)'): string =>
    /^[0-9a-f]{64}$/.test(version) ? version.slice(0, SHOWN_DIGITS) : version;
  const differing = [
    ...TORCH_VERSIONS.filter((name) => versions[name] !== here.versions[name]).map(
      (name) => `${words(name)} ${shown(versions[name])} before, ${shown(here.versions[name])} now`,
    ),
    ...(device.name === here.device.name
      ? []
      : [`${device.name ?? 'the processor'} before, ${here.device.name ?? 'the processor'} now`]),
  ];
  if (differing.length === 0) return;
  throw refuse(
    'other-engine',
    `${id} was computed by another PyTorch than the one that would continue it: ${differing.join('; ')}.`,
    'Continue it with what it was started with, or start a new run; a run never mixes them.',
  );
};

/**
 * Refuses a run that PyTorch cannot compute.
 *
 * @throws WorkbenchError `not-with-torch`.
 */
const requireTorchKind = (
  { kind, onTorch }: { readonly kind: RunKind; readonly onTorch?: true | undefined },
  { engine }: Pick<RunDevice, 'engine'>,
): void => {
  if (engine === undefined || onTorch === true) return;
  throw withoutTorch(`a run of the kind ${kind}`);
};

/** Makes the job of a recorded run again. */
export const restart = async (
  context: EngineContext,
  definition: RunKindDefinition,
  manifest: ApprovedManifest,
): Promise<Job> => {
  // Nobody's engine writes such a manifest, but somebody's hand may.
  requireTorchKind(definition, manifest.device);
  const order = await recordedOrder(context, definition.schema, manifest);
  if (order.models.length === 0 && definition.withoutModel !== true)
    throw refuse('bad-spec', `The manifest of ${manifest.id} names no model.`, 'Start a new run.');
  await definition.checkAgain?.(context, order, manifest);
  return definition.job(context, order, manifest.device);
};

export const onlyModel = ({ models: [model] }: Pick<RunOrder<unknown>, 'models'>): RunModel => {
  if (model === undefined) throw new Error('a run without a model');
  return model;
};

export const requireDone = ({ id, state }: RunManifest): void => {
  if (state === 'done') return;
  throw refuse('not-done', `${id} is not finished (${state}).`, 'Resume it first: what is compared must be complete.');
};

/** Refuses to read a run that has written no result. */
export const noResult = (code: string, { title, state }: RunManifest): WorkbenchError =>
  refuse(code, `${title} has no result (${state}).`, 'Wait until it is done, or resume it.');

/** Ends a run of a kind early, which keeps what it has. */
export const finishRun = ({ queue }: EngineContext, run: string, kind: 'fit' | 'beside'): Record<string, never> => {
  const job = queue.list().find((known) => known.run === run);
  if (job !== undefined) requireKind({ id: run, kind: job.kind }, kind);
  queue.finish(run);
  return {};
};

/** Refuses to start a finished run again that wrote a folder. */
export const refuseDone = ({ id, state, output }: RunManifest, remedy: string): void => {
  if (state === 'done') throw refuse('run-done', `${id} is done and wrote ${output ?? 'its folder'}.`, remedy);
};

/** "french", "french and german", "9 tasks": a list of names for a title. */
const nameList = (named: readonly { readonly name: string }[], plural: string): string =>
  named.length <= 2 ? named.map(({ name }) => name).join(' and ') : `${named.length} ${plural}`;

export const modelNames = ({ models }: Pick<RunOrder<unknown>, 'models'>): string => nameList(models, 'models');
export const taskNames = ({ tasks }: Pick<RunOrder<unknown>, 'tasks'>): string => nameList(tasks, 'tasks');
