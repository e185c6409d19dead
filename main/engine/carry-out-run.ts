import type { MeterReading, RecordChange } from '../contract/compute.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import { carryOutHere, type JobResources, takeoverOf } from '../jobs/carry-out.ts';
import type { JobResult } from '../jobs/job-context.ts';
import { createProgressMeter } from '../jobs/progress-meter.ts';
import { approvedAs } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { jobOfRun } from './job-of-run.ts';

/** Progress that only counts on is told at most this often. */
const PROGRESS_EVERY_MS = 100;

/** Where the work of a run that another engine holds is told as it goes. */
export interface CarryOutOrder {
  /** The generation of the run's lock that the other engine holds: a later one is that of somebody else. */
  readonly lock: number | null;
  /** What that engine approved. */
  readonly code: string;
  readonly signal: AbortSignal;
  progress(reading: MeterReading): void;
  emit(event: EngineEvent): void;
  recordChanged(change: RecordChange): void;
}

/**
 * Does the work of a run that another engine holds, which writes its manifest: the job is made again from that. Rejects
 * with what ended it.
 */
export const carryOutRun = async (
  context: EngineContext,
  resourcesOf: (manifest: RunManifest) => Promise<JobResources>,
  run: string,
  { lock, code, signal, progress, emit, recordChanged }: CarryOutOrder,
): Promise<JobResult> => {
  const { workspace, now } = context;
  const manifest = approvedAs(await workspace.runs.read(run), code);
  const job = await jobOfRun(context, manifest);
  const { kind, title } = manifest;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let described = '';
  const meter = createProgressMeter({ run, kind, title }, now, () => {
    const { description, done, total, reused, leftMs } = meter.read();
    // What is described next may take its time, in which nothing can be told.
    if (description === described && now() - reportedAt < PROGRESS_EVERY_MS) return;
    [reportedAt, described] = [now(), description];
    progress({ description, done, total, reused, leftMs });
  });
  const requireRun = async (): Promise<void> => {
    if ((await workspace.runs.lockGeneration(run)) !== lock) throw await takeoverOf(workspace.runs, run);
  };
  const order = { manifest, job, signal, meter, emit, requireRun, recordChanged };
  return carryOutHere(workspace.runs, resourcesOf, now)(order);
};
