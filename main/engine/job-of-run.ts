import type { MeterReading } from '../contract/compute.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import { type RunKind, type StartCall, startCall, type StartedKind, startedKinds } from '../contract/run-kinds.ts';
import type { Job, JobResult } from '../jobs/job-context.ts';
import { carryOutHere, type JobResources, takeoverOf } from '../jobs/job-queue.ts';
import { createProgressMeter, ticks } from '../jobs/progress-meter.ts';
import { approvedAs, type ApprovedManifest } from './approved-run.ts';
import type { Answers, EngineContext } from './engine-context.ts';
import { identifyModels } from './run-subjects.ts';
import { requireItsDevice, restart, type RunKindDefinition, type StartedRun, startRun } from './run-kind.ts';

/**
 * The definition of every kind of run; its code is loaded for such a run alone. Here and not in the entry of its kind,
 * which the window loads too; by a line each and not by its name, so that the compiler asks for it and knows its type.
 */
const KINDS: { readonly [K in RunKind]: () => Promise<K extends StartedKind ? StartedRun<K> : RunKindDefinition> } = {
  sweep: async () => (await import('./calls/sweeps.ts')).sweepRun,
  profile: async () => (await import('./calls/profiles.ts')).profileRun,
  damage: async () => (await import('./calls/damage.ts')).damageRun,
  beside: async () => (await import('./calls/beside.ts')).besideRun,
  fit: async () => (await import('./calls/fit.ts')).fitRun,
  export: async () => (await import('./calls/exports.ts')).exportRun,
  verify: async () => (await import('./calls/exports.ts')).verifyRun,
  finetune: async () => (await import('./calls/finetune.ts')).finetuneRun,
  experiment: async () => (await import('./calls/experiments.ts')).experimentRun,
  reproduce: async () => (await import('./calls/reproductions.ts')).reproduceRun,
  download: async () => (await import('./calls/hub.ts')).downloadRun,
  push: async () => (await import('./calls/hub.ts')).pushRun,
};

/** Makes the job of a recorded run from its manifest. Refuses models, tasks and devices that have changed. */
export const jobOfRun = async (context: EngineContext, manifest: ApprovedManifest): Promise<Job> => {
  await requireItsDevice(context, manifest);
  return restart(context, await KINDS[manifest.kind](), manifest);
};

/** The answers to the calls that start a run. */
export const startAnswers = (context: EngineContext): Pick<Answers, StartCall> =>
  Object.fromEntries(
    startedKinds.map((kind) => [
      startCall(kind),
      // Each is called with what its own call takes.
      async (asked: never, signal: AbortSignal) => {
        const definition = await KINDS[kind]();
        return startRun(context, definition, await definition.order(context, asked), signal);
      },
    ]),
  ) as Pick<Answers, StartCall>;

/** Minimum time between progress events that only advance a count. */
const PROGRESS_EVERY_MS = 100;

/** Where to send the events of work on a run that another engine has locked. */
export interface CarryOutOrder {
  /** Generation of the other engine's lock; a later one means that somebody else took the run. */
  readonly lock: number | null;
  /** Code of the manifest that the other engine approved. */
  readonly code: string;
  readonly signal: AbortSignal;
  readonly finish?: AbortSignal | undefined;
  progress(reading: MeterReading): void;
  emit(event: EngineEvent): void;
}

/**
 * Does the work of a run that another engine has locked and whose manifest that engine writes. Makes the job from the
 * manifest; rejects with the error that ended it.
 */
export const carryOutRun = async (
  context: EngineContext,
  resourcesOf: (manifest: RunManifest) => Promise<JobResources>,
  run: string,
  { lock, code, signal, finish, progress, emit }: CarryOutOrder,
): Promise<JobResult> => {
  const { workspace } = context;
  const manifest = approvedAs(await workspace.runs.read(run), code);
  const job = await jobOfRun(context, manifest);
  const { kind, title } = manifest;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let described = '';
  const meter = createProgressMeter({ run, kind, title }, ticks, () => {
    const { description, done, total, reused, leftMs } = meter.read();
    // The next description may take time, during which nothing can be reported.
    if (description === described && ticks() - reportedAt < PROGRESS_EVERY_MS) return;
    [reportedAt, described] = [ticks(), description];
    progress({ description, done, total, reused, leftMs });
  });
  const requireRun = async (): Promise<void> => {
    if ((await workspace.runs.lockGeneration(run)) !== lock) throw await takeoverOf(workspace.runs, run);
  };
  const describe = (text: string): void => meter.describe(text);
  await identifyModels(context, job.sources, manifest, { signal, describe });
  const order = { manifest, job, signal, finish, meter, emit, requireRun };
  return carryOutHere(workspace.runs, resourcesOf)(order);
};
