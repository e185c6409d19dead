import type { MeterReading, RecordChange } from '../contract/compute.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import { carryOutHere, type JobResources, takeoverOf } from '../jobs/carry-out.ts';
import type { JobResult } from '../jobs/job-context.ts';
import { createProgressMeter } from '../jobs/progress-meter.ts';
import { approvedAs } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { jobOfRun } from './job-of-run.ts';

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
  recordChanged(change: RecordChange): void;
}

/**
 * Does the work of a run that another engine has locked and whose manifest that engine writes. Makes the job from the
 * manifest; rejects with the error that ended it.
 */
export const carryOutRun = async (
  context: EngineContext,
  resourcesOf: (manifest: RunManifest) => Promise<JobResources>,
  run: string,
  { lock, code, signal, finish, progress, emit, recordChanged }: CarryOutOrder,
): Promise<JobResult> => {
  const { workspace, now } = context;
  const manifest = approvedAs(await workspace.runs.read(run), code);
  const job = await jobOfRun(context, manifest);
  const { kind, title } = manifest;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let described = '';
  const meter = createProgressMeter({ run, kind, title }, now, () => {
    const { description, done, total, reused, leftMs } = meter.read();
    // The next description may take time, during which nothing can be reported.
    if (description === described && now() - reportedAt < PROGRESS_EVERY_MS) return;
    [reportedAt, described] = [now(), description];
    progress({ description, done, total, reused, leftMs });
  });
  const requireRun = async (): Promise<void> => {
    if ((await workspace.runs.lockGeneration(run)) !== lock) throw await takeoverOf(workspace.runs, run);
  };
  const order = { manifest, job, signal, finish, meter, emit, requireRun, recordChanged };
  return carryOutHere(workspace.runs, resourcesOf, now)(order);
};
